"""How soon an idle worker with default flags has sent the mail of a lead that another process creates.

From the call of create_lead to the moment when the mail server accepts, beside what the same program would wait for
smtplib to connect and send it at once.
"""

from __future__ import annotations

import random
import smtplib
import statistics
import time
from collections.abc import Iterator

from leadq.leads import create_lead
from leadq.store.store import Store
from tests.benchmarks.bare_mails import message
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.late_sink import HOST
from tests.benchmarks.mails import ROUTING, assert_all_sent, letter, mailing_home, new_lead, write_letter
from tests.benchmarks.sinks import Sink
from tests.homes import eventually

WISHED_MILLISECONDS = {"sqlite": 50, "mariadb": 250}
IDLE_SECONDS = (0.1, 0.4)  # between two leads: spread over the time between two looks of the worker


def figures(bench: Bench) -> Iterator[Figure]:
    sink = Sink(bench)
    home = mailing_home(bench, sink.port, own_jobs=False)
    write_letter(home)
    parts = letter(home.path)
    times = bench.plan.share(40, least=2)
    direct, queued = [], []
    worker = home.start("-q", "work")
    eventually(lambda: home.count("workers") == 1)
    with home.store() as store:
        for _ in range(times):
            time.sleep(random.uniform(*IDLE_SECONDS))
            direct.append(seconds_by_smtplib(sink, parts))
            time.sleep(random.uniform(*IDLE_SECONDS))
            queued.append(seconds_by_leadq(sink, store))
    eventually(lambda: home.count("jobs") == 0)
    home.stop(worker)
    assert_all_sent(home)
    wish = Wish(sign="<", bound=WISHED_MILLISECONDS[bench.database], of_ratio=False)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        yield Figure(
            what=f"create_lead to accepted, {name}",
            jobs=times,
            unit="ms",
            leadq=_quantile(queued, share) * 1000,
            baseline=_quantile(direct, share) * 1000,
            beside="smtplib, sent at once",
            wish=wish if name == "p50" else None,
        )


def seconds_by_leadq(sink: Sink, store: Store) -> float:
    started = time.monotonic()
    create_lead(store, new_lead(), routing=ROUTING)
    return sink.next_accepted() - started


def seconds_by_smtplib(sink: Sink, parts: dict[str, str]) -> float:
    started = time.monotonic()
    with smtplib.SMTP(HOST, sink.port) as server:
        server.send_message(message(parts, "Ana Lima"))
    return sink.next_accepted() - started


def _quantile(values: list[float], share: float) -> float:
    if share == 0.5:
        return statistics.median(values)
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
