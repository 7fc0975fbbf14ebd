"""Whether a claim takes as long whatever else is in the tables: the time of a job, beside that in empty ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from leadq.store.jobs import RESERVED, UNSEEN
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.filling import add_failed_jobs, add_jobs, add_worker
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.workers import rate_of_workers
from tests.homes import Home

EMPTY = "empty tables"
A_DAY = 86_400
BETTER = -10  # than the priority of the jobs that are due

Fill = Callable[[Home], None]


def figures(bench: Bench) -> Iterator[Figure]:
    jobs, share = bench.plan.share(300), bench.plan.share
    fills: dict[str, Fill] = {
        EMPTY: lambda home: None,
        f"{share(1_000):,} pending": lambda home: add_jobs(home, share(1_000)),
        f"{share(100_000):,} pending": lambda home: add_jobs(home, share(100_000)),
        f"{share(1_000_000):,} pending": lambda home: add_jobs(home, share(1_000_000)),
        f"{share(100_000):,} delayed, better priority": lambda home: add_delayed(home, share(100_000)),
        f"{share(100_000):,} reserved": lambda home: add_reserved(home, share(100_000)),
        f"{share(1_000_000):,} failed": lambda home: add_failed_jobs(home, share(1_000_000)),
    }
    found = interleaved(
        bench.plan.rounds, {name: _milliseconds_a_job(bench, fill, jobs) for name, fill in fills.items()}
    )
    for name in list(fills)[1:]:
        yield Figure(
            what=f"time of a job, {name}",
            jobs=jobs,
            unit="ms",
            leadq=found[name],
            baseline=found[EMPTY],
            beside=EMPTY,
            wish=Wish(sign="≤", bound=1.5),
        )


def add_delayed(home: Home, count: int) -> None:
    add_jobs(home, count, stage=UNSEEN, priority=BETTER, available_at=int(time.time()) + A_DAY)


def add_reserved(home: Home, count: int) -> None:
    """Jobs of a worker of another host that will live long enough."""
    worker_id = add_worker(home, seen_at=int(time.time()) + A_DAY)
    add_jobs(home, count, stage=RESERVED, worker_id=worker_id)


def _milliseconds_a_job(bench: Bench, fill: Fill, jobs: int) -> Callable[[], float]:
    """How long a job takes where the tables hold more; each has a home of its own, filled once."""
    home = bench.home()
    fill(home)

    def measure() -> float:
        add_jobs(home, jobs)
        return 1000 / rate_of_workers(home, jobs, "--max-jobs", jobs + 1)

    return measure
