"""Mails a second to smtp-sink on loopback, each recorded, beside smtplib over one connection, which records nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks import stopwatch
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.mails import add_mails, assert_all_sent, mailing_home, write_letter
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.sinks import smtp_sink
from tests.benchmarks.workers import rate_of_workers, wait
from tests.homes import Home


def figures(bench: Bench) -> Iterator[Figure]:
    port, mails = smtp_sink(bench), bench.plan.share(500)
    home = mailing_home(bench, port)
    write_letter(home)
    found = interleaved(
        bench.plan.rounds,
        {"smtplib": lambda: bare_rate(bench, home, port, mails), "leadq": lambda: leadq_rate(home, mails)},
    )
    yield Figure(
        what="mails to smtp-sink, 1 worker",
        jobs=mails,
        unit="mails/s",
        leadq=found["leadq"],
        baseline=found["smtplib"],
        beside="smtplib, kept connection",
        wish=Wish(sign="≥", bound=1.5),
    )


def leadq_rate(home: Home, mails: int) -> float:
    """Mails a second of one worker."""
    add_mails(home, mails)
    rate = rate_of_workers(home, mails, "--stop-when-empty")
    assert_all_sent(home)
    return rate


def bare_rate(bench: Bench, home: Home, port: int, mails: int) -> float:
    """Mails a second of smtplib."""
    stopwatch.reset(home.path)
    wait([bench.python(home, "bare_mails", port, mails)])
    return stopwatch.rate(home.path, mails)
