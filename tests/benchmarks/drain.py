"""How fast workers empty a queue of jobs that do nothing, beside a bare loop that claims and deletes.

The bare loop uses the driver alone, one commit a job, on the same table in the same database, with as many processes.
Four workers on SQLite are measured by one of leadq's own: a file has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks import stopwatch
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.filling import add_jobs
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.workers import rate_of_workers, wait
from tests.homes import Home

MANY = 4
BARE, LEADQ = "bare loop", "leadq"


def figures(bench: Bench) -> Iterator[Figure]:
    home, jobs = bench.home(), bench.plan.jobs
    found = interleaved(
        bench.plan.rounds,
        {
            f"{BARE}, 1": lambda: bare_rate(bench, home, jobs, 1),
            f"{LEADQ}, 1": lambda: leadq_rate(home, jobs, 1),
            f"{BARE}, {MANY}": lambda: bare_rate(bench, home, jobs, MANY),
            f"{LEADQ}, {MANY}": lambda: leadq_rate(home, jobs, MANY),
        },
    )
    on_sqlite = bench.database == "sqlite"
    wishes = {
        1: Wish(sign="≥", bound=0.7 if on_sqlite else 0.8),
        MANY: None if on_sqlite else Wish(sign="≥", bound=0.8),
    }
    for workers, wish in wishes.items():
        yield Figure(
            what=f"no-op jobs, {_number(workers)}",
            jobs=jobs,
            unit="jobs/s",
            leadq=found[f"{LEADQ}, {workers}"],
            baseline=found[f"{BARE}, {workers}"],
            beside=f"bare loop, {workers}",
            wish=wish,
        )
    yield Figure(
        what=f"no-op jobs, {_number(MANY)}",
        jobs=jobs,
        unit="jobs/s",
        leadq=found[f"{LEADQ}, {MANY}"],
        baseline=found[f"{LEADQ}, 1"],
        beside="leadq, 1",
        wish=Wish(sign="≥", bound=0.8) if on_sqlite else None,
    )


def leadq_rate(home: Home, jobs: int, workers: int) -> float:
    fill(home, jobs)
    return rate_of_workers(home, jobs, "--stop-when-empty", workers=workers)


def bare_rate(bench: Bench, home: Home, jobs: int, processes: int) -> float:
    fill(home, jobs)
    stopwatch.reset(home.path)
    wait([bench.python(home, "bare_claims", processes) for _ in range(processes)])
    return stopwatch.rate(home.path, jobs)


def fill(home: Home, jobs: int) -> None:
    home.sql("DELETE FROM jobs")
    add_jobs(home, jobs)


def _number(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"
