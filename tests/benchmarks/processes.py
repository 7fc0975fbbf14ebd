"""What a process weighs and how busy it is: proc(5), Linux alone."""

from __future__ import annotations

import os
from pathlib import Path


def pss_megabytes(pid: int) -> float:
    """Its memory, with its share of what others have, too."""
    return _rollup(pid)["Pss"] / 1024


def rss_megabytes(pid: int) -> float:
    """All memory that it has in core."""
    return _rollup(pid)["Rss"] / 1024


def cpu_seconds(pid: int) -> float:
    """The processor time that all its threads have used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = after_name[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _rollup(pid: int) -> dict[str, int]:
    """Kilobytes by name."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {key: int(value.split()[0]) for key, _, value in (line.partition(":") for line in lines)}
