"""Mails a second to a server whose replies are 50 ms late: of one worker beside smtplib, and of many beside one.

And what each of the many weighs, once they have sent mail.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks import stopwatch
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.filling import add_gates
from tests.benchmarks.mail import bare_rate, leadq_rate
from tests.benchmarks.mails import add_mails, assert_all_sent, mailing_home, write_letter
from tests.benchmarks.processes import pss_megabytes
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.sinks import Sink
from tests.homes import Home, eventually

LATE_SECONDS = 0.05
PROCESSES = 16
PATIENCE_SECONDS = 120.0


def figures(bench: Bench) -> Iterator[Figure]:
    sink = Sink(bench, late=LATE_SECONDS)
    home = mailing_home(bench, sink.port)
    write_letter(home)
    mails = bench.plan.share(30, least=2)
    weights: list[float] = []
    found = interleaved(
        bench.plan.rounds,
        {
            "smtplib": lambda: bare_rate(bench, home, sink.port, mails),
            "one": lambda: leadq_rate(home, mails),
            "many": lambda: rate_of_many(home, mails * PROCESSES, weights),
        },
    )
    late = f"replies {LATE_SECONDS * 1000:g} ms late"
    yield Figure(
        what=f"mails, {late}, 1 worker",
        jobs=mails,
        unit="mails/s",
        leadq=found["one"],
        baseline=found["smtplib"],
        beside="smtplib, kept connection",
        wish=Wish(sign="≥", bound=1.8),
    )
    yield Figure(
        what=f"mails, {late}, --processes {PROCESSES}",
        jobs=mails * PROCESSES,
        unit="mails/s",
        leadq=found["many"],
        baseline=found["one"] * PROCESSES,
        beside=f"leadq, 1 × {PROCESSES}",
        wish=Wish(sign="≥", bound=0.9),
    )
    yield Figure(
        what=f"PSS of a process, of {PROCESSES} that mail",
        jobs=mails * PROCESSES,
        unit="MB",
        leadq=statistics.median(weights),
        wish=Wish(sign="≤", bound=15, of_ratio=False),
    )


def rate_of_many(home: Home, mails: int, weights: list[float]) -> float:
    """Mails a second of PROCESSES workers; the mean PSS of each of their processes is added to `weights`, in MB."""
    add_mails(home, mails)
    stopwatch.reset(home.path)
    add_gates(home, PROCESSES)
    parent = home.start("-q", "work", "--processes", PROCESSES)
    eventually(lambda: stopwatch.done(home.path) >= mails, timeout=PATIENCE_SECONDS)
    pids = [parent.pid, *(pid for (pid,) in home.sql("SELECT pid FROM workers"))]
    weights.append(statistics.mean(map(pss_megabytes, pids)))
    home.stop(parent)
    assert_all_sent(home)
    return stopwatch.rate(home.path, mails)
