"""Who a process is, so that another one can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


@cache
def host_name() -> str:
    """This machine's name."""
    return socket.gethostname()


def start_mark(pid: int) -> str | None:
    """A text that tells the process `pid` from an earlier or later one with the same number.

    It is the start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)); where there is no
    /proc it is empty, and only the number can tell. None where no such process runs.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() or not _exists(pid) else ""
    except OSError:
        return ""
    state, started = fields[0], fields[19]
    return None if state in {b"Z", b"X"} else started.decode("ascii")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def resident_megabytes() -> float:
    """This process's memory in RAM, in MB (proc(5), statm); its highest ever where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
