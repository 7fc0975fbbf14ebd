"""Times that several processes take of one run, start-up left out: they wait for each other, then note each job's end.

All of it is in files of the current folder, the home. Monotonic seconds, which all processes of a host share.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

ARRIVED, OPENED, DONE = "arrived.txt", "opened.txt", "done.txt"
PATIENCE_SECONDS = 60.0


def wait_for_everyone(processes: int) -> None:
    """Returns, everywhere at once, when so many processes have come here."""
    os.write(_appending(ARRIVED), b".")
    until = time.monotonic() + PATIENCE_SECONDS
    while Path(ARRIVED).stat().st_size < processes:
        if time.monotonic() > until:
            raise TimeoutError(f"fewer than {processes} processes have started")
        time.sleep(0.001)
    _note(OPENED)


def note() -> None:
    """A job has been done."""
    _note(DONE)


def reset(home: Path) -> None:
    """Forgets the times of the last run."""
    for name in (ARRIVED, OPENED, DONE):
        (home / name).unlink(missing_ok=True)


def done(home: Path) -> int:
    """How many jobs have been done so far."""
    file = home / DONE
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def rate(home: Path, jobs: int) -> float:
    """Jobs a second from the moment when everyone had come to the last one's end."""
    times = _times(home / DONE)
    assert len(times) == jobs, f"{len(times)} jobs were done, and not {jobs}"
    return jobs / (max(times) - min(_times(home / OPENED)))


def _note(name: str) -> None:
    os.write(_appending(name), f"{time.monotonic()}\n".encode())


@cache
def _appending(name: str) -> int:
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _times(file: Path) -> list[float]:
    return [float(line) for line in file.read_text().splitlines()]
