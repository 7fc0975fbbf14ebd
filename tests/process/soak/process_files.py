"""What Linux tells about a process."""

from __future__ import annotations

import contextlib
from pathlib import Path

PAGE_BYTES = 4096


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that have not been buried."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def resident_megabytes(pid: int) -> float | None:
    """How much memory a process has in use; None where it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * PAGE_BYTES / 2**20 or None
    return None


def processes_in(folder: Path) -> list[int]:
    """The processes whose current folder it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found
