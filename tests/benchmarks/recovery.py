"""How soon a killed worker's job runs again, and what idle workers weigh.

`python -m tests.benchmarks.recovery [--json]` starts real processes on this host, over an SQLite file in a
temporary home. Linux alone: it reads /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROUNDS = 20
PROCESSES = (1, 4, 16)
KILLS_WITHIN_SECONDS = 3.0  # spread over the time between two sweeps: not all at one distance from the next
SETTLED_SECONDS = 2.0  # after the start, until an idle worker's memory grows no more
PATIENCE_SECONDS = 60.0

JOBS = '''
import os, time
from dataclasses import dataclass
from pathlib import Path
from leadq.job import Job, JobContext

@dataclass
class Held(Job):
    """Notes its start and runs until it is let go."""
    name: str

    def handle(self, context: JobContext) -> None:
        with Path("starts.txt").open("a") as starts:
            starts.write(f"{self.name} {os.getpid()} {time.monotonic()}\\n")
        while not Path("go").exists():
            time.sleep(0.005)
'''


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Seconds from the kill of a worker to its job's next start."""

    situation: str
    rounds: int
    median_seconds: float
    worst_seconds: float


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Of idle workers, in MB; the means are over the workers, the sum has the parent's in it."""

    workers: int
    mean_pss_mb: float
    mean_rss_mb: float
    sum_pss_mb: float


@dataclass(frozen=True, kw_only=True)
class Start:
    """A job's start; `at` is on the monotonic clock, which all processes share."""

    job: str
    pid: int
    at: float


class Bench:
    """A temporary home with processes of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        subprocess.run([sys.executable, "-m", "leadq", "init", folder], check=True, capture_output=True)
        (folder / "held_jobs.py").write_text(JOBS)

    def start(self, *flags: str, workers: int) -> subprocess.Popen[bytes]:
        """Starts `leadq work` and waits until so many workers are registered in all."""
        process = subprocess.Popen(
            [sys.executable, "-m", "leadq", "-q", "work", *flags],
            cwd=self._folder,
            env={**os.environ, "LEADQ_JOBS": "held_jobs"},
            stdout=subprocess.DEVNULL,
        )
        self._processes.append(process)
        until(lambda: len(self.workers()) == workers)
        return process

    def stop(self) -> None:
        """Lets every job end, then every process."""
        (self._folder / "go").touch()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(PATIENCE_SECONDS)
        self._processes.clear()
        for name in ("go", "starts.txt"):
            (self._folder / name).unlink(missing_ok=True)
        self.sql("DELETE FROM jobs")

    def enqueue(self, name: str) -> None:
        payload, now = json.dumps({"job": "Held", "data": {"name": name}}), int(time.time())
        self.sql(
            "INSERT INTO jobs (queue, payload, attempts, available_at, created_at) VALUES ('default', ?, 0, ?, ?)",
            payload,
            now,
            now,
        )

    def starts(self, job: str) -> list[Start]:
        """So far, the oldest first."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self._folder / "starts.txt").read_text().splitlines()
            found = [Start(job=name, pid=int(pid), at=float(at)) for name, pid, at in map(str.split, lines)]
            return [start for start in found if start.job == job]
        return []

    def workers(self) -> list[int]:
        """The pids of those that are registered."""
        return [int(pid) for (pid,) in self.sql("SELECT pid FROM workers")]

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self._folder / "storage" / "leadq.db", timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="leadq-bench-") as folder:
        home = Bench(Path(folder))
        try:
            yield home
        finally:
            home.stop()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing happened within {PATIENCE_SECONDS:g} s")
        time.sleep(0.005)


def seconds_to_recover(home: Bench, wait: float) -> float:
    """Kills the worker of a running job after a while and waits for the job's next start."""
    home.enqueue("victim")
    until(lambda: home.starts("victim"))
    time.sleep(wait)
    killed_at = time.monotonic()
    os.kill(home.starts("victim")[0].pid, signal.SIGKILL)
    until(lambda: len(home.starts("victim")) == 2)
    return home.starts("victim")[1].at - killed_at


def beside_an_idle_worker(home: Bench, wait: float) -> float:
    home.start(workers=1)
    home.start(workers=2)
    return seconds_to_recover(home, wait)


def under_a_parent(home: Bench, wait: float) -> float:
    """The other worker is busy: only the killed one's replacement can run the job."""
    home.start("--processes", "2", workers=2)
    home.enqueue("other")
    until(lambda: home.starts("other"))
    return seconds_to_recover(home, wait)


def recovery(situation: str, one_round: Callable[[Bench, float], float], rounds: int) -> Recovery:
    seconds = []
    for number in range(rounds):
        with bench() as home:
            seconds.append(one_round(home, KILLS_WITHIN_SECONDS * number / rounds))
    return Recovery(
        situation=situation,
        rounds=rounds,
        median_seconds=round(statistics.median(seconds), 2),
        worst_seconds=round(max(seconds), 2),
    )


def memory(count: int) -> Memory:
    with bench() as home:
        parent = home.start("--processes", str(count), workers=count)
        time.sleep(SETTLED_SECONDS)
        workers = [megabytes(pid) for pid in home.workers()]
        everyone = [megabytes(pid) for pid in {parent.pid, *home.workers()}]
    return Memory(
        workers=count,
        mean_pss_mb=round(statistics.mean(pss for pss, _ in workers), 1),
        mean_rss_mb=round(statistics.mean(rss for _, rss in workers), 1),
        sum_pss_mb=round(sum(pss for pss, _ in everyone), 1),
    )


def megabytes(pid: int) -> tuple[float, float]:
    """A process's PSS and RSS (proc(5), smaps_rollup)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {key: int(value.split()[0]) for key, _, value in (line.partition(":") for line in lines)}
    return kilobytes["Pss"] / 1024, kilobytes["Rss"] / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recovery", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="kills in each situation (%(default)s)")
    arguments = parser.parse_args()
    recoveries = [
        recovery("an idle worker beside it", beside_an_idle_worker, arguments.rounds),
        recovery("a parent replaces it", under_a_parent, arguments.rounds),
    ]
    memories = [memory(count) for count in PROCESSES]
    if arguments.json:
        document = {"recovery": [asdict(one) for one in recoveries], "memory": [asdict(one) for one in memories]}
        print(json.dumps(document, indent=2))
        return
    print(f"{'kill -9 to the next start, s':<30} {'kills':>8} {'median':>8} {'worst':>8}")
    for one in recoveries:
        print(f"{one.situation:<30} {one.rounds:>8} {one.median_seconds:>8.2f} {one.worst_seconds:>8.2f}")
    print(f"\n{'idle workers, MB':<30} {'PSS each':>8} {'RSS each':>8} {'PSS sum':>8}")
    for each in memories:
        print(f"{each.workers:<30} {each.mean_pss_mb:>8.1f} {each.mean_rss_mb:>8.1f} {each.sum_pss_mb:>8.1f}")


if __name__ == "__main__":
    main()
