"""What a worker with default flags uses while there is nothing to do: processor, memory, and queries to a server."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.processes import cpu_seconds, rss_megabytes
from tests.homes import eventually

SETTLED_SECONDS = 2.0  # after the start, until it grows no more


def figures(bench: Bench) -> Iterator[Figure]:
    home = bench.home(own_jobs=False)
    seconds = bench.plan.share(10)
    python = bench.start(["python3", "-c", "import time; time.sleep(3600)"])
    worker = home.start("-q", "work")
    eventually(lambda: home.count("workers") == 1)
    time.sleep(SETTLED_SECONDS)
    own = -questions(bench) + questions(bench)  # what it takes to ask
    before, used, began = questions(bench), cpu_seconds(worker.pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    used = cpu_seconds(worker.pid) - used
    asked = questions(bench) - before - own
    yield Figure(
        what=f"idle worker, over {seconds} s",
        jobs=0,
        unit="% of a core",
        leadq=100 * used / passed,
        wish=Wish(sign="<", bound=1, of_ratio=False),
    )
    if bench.database == "mariadb":
        yield Figure(
            what=f"idle worker's queries, over {seconds} s",
            jobs=0,
            unit="/s",
            leadq=asked / passed,
            wish=Wish(sign="≤", bound=5, of_ratio=False),
        )
    yield Figure(
        what="idle worker, RSS",
        jobs=0,
        unit="MB",
        leadq=rss_megabytes(worker.pid),
        baseline=rss_megabytes(python.pid),
        beside="python that sleeps",
        wish=Wish(sign="≤", bound=40, of_ratio=False),
    )
    home.stop(worker)


def questions(bench: Bench) -> int:
    """How many queries the server has had."""
    if bench.database == "sqlite":
        return 0
    ((_, count),) = bench.server.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
    return int(count)
