"""Workers of a home that start together, so that only what they do is timed."""

from __future__ import annotations

import subprocess

from tests.benchmarks import stopwatch
from tests.benchmarks.filling import add_gates
from tests.homes import Home


def rate_of_workers(home: Home, jobs: int, *flags: object, workers: int = 1) -> float:
    """Jobs a second with which workers do `jobs` jobs that are stored already, and then end.

    Args:
        home: where.
        jobs: how many.
        flags: of `leadq work`; by them the workers must end after those jobs and one more each.
        workers: how many processes.
    """
    stopwatch.reset(home.path)
    add_gates(home, workers)
    wait([home.start("-q", "work", *flags) for _ in range(workers)])
    home.processes.clear()
    return stopwatch.rate(home.path, jobs)


def wait(processes: list[subprocess.Popen[str]]) -> None:
    """Waits until processes have ended well."""
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
