"""Who a process is, so that another one can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process, told from any other that had or will have its number.

    Attributes:
        host: the machine's name.
        pid_space: the boot and the pid namespace in which `pid` means something: two containers, or a
            machine before and after a restart, may share a name and a number. Empty where there is no /proc.
        pid: its number.
        started: when it started, in clock ticks since the boot; empty where that cannot be seen.
    """

    host: str
    pid_space: str
    pid: int
    started: str

    def can_be_seen(self) -> bool:
        """Whether this process could tell if that one were gone."""
        return self.host == host_name() and self.pid_space == pid_space()

    def is_running(self) -> bool:
        """Whether it runs; only to be believed where it can be seen."""
        started = start_ticks(self.pid)
        return started is not None and (started == self.started or "" in {started, self.started})


def this_process() -> ProcessIdentity:
    """Who we are."""
    pid = os.getpid()
    return ProcessIdentity(host=host_name(), pid_space=pid_space(), pid=pid, started=start_ticks(pid) or "")


@cache
def host_name() -> str:
    """This machine's name."""
    return socket.gethostname()


@cache
def pid_space() -> str:
    """See ProcessIdentity."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def start_ticks(pid: int) -> str | None:
    """The start time of `pid`: field 22 of /proc/PID/stat (proc(5)).

    Returns:
        Empty where it runs and its start cannot be seen; None where no such process runs.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:  # gone; or there is no /proc, or it hides the processes of others
        return "" if _exists(pid) else None
    state, started = fields[0], fields[19]
    return None if state in {b"Z", b"X"} else started.decode("ascii")


def uses_megabytes(limit: float) -> bool:
    """Whether this process has `limit` MB or more in RAM (proc(5), statm); without /proc, whether it ever had.

    The kernel keeps the highest ever at hand, so /proc is read by those alone that have come near.
    """
    import resource  # a shared library, which no command but a worker needs

    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < limit * 1024:
        return False
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return True
    return pages * os.sysconf("SC_PAGE_SIZE") >= limit * 2**20


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
