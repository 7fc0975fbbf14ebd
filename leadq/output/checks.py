"""The lines of `leadq doctor`."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable

from leadq.doctor.check import Check, Status
from leadq.output.console import painted

STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}
STATUS_WIDTH, NAME_WIDTH = 6, 18
INDENT = " " * (STATUS_WIDTH + NAME_WIDTH)
NARROW = 72  # columns: below that names have no column of their own
NARROW_INDENT = " " * STATUS_WIDTH


def print_checks(checks: Iterable[Check]) -> list[Check]:
    """Prints each check once it is known: its line, and a line with the remedy. Returns them.

    On a terminal long ones are wrapped.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    told = []
    for check in checks:
        for line in _lines(check, width):
            print(line, flush=True)
        told.append(check)
    counts = {status: sum(check.status is status for check in told) for status in reversed(Status)}
    print("\n" + ", ".join(f"{count} {status}" for status, count in counts.items() if count))
    return told


def _lines(check: Check, width: int | None) -> list[str]:
    status = painted(check.status, STYLES[check.status], sys.stdout) + " " * (STATUS_WIDTH - len(check.status))
    narrow = width is not None and width < NARROW
    indent = NARROW_INDENT if narrow else INDENT
    name = "" if narrow else f"{check.name:{NAME_WIDTH}}"
    first, *more = _wrapped(f"{check.name}: {check.detail}" if narrow else check.detail, indent, width)
    if check.remedy is not None:
        more += _wrapped(f"→ {check.remedy}", indent, width, hanging="  ")
    return [status + name + first.removeprefix(indent), *more]


def _wrapped(text: str, indent: str, width: int | None, *, hanging: str = "") -> list[str]:
    if width is None:
        return [indent + text]
    return textwrap.wrap(
        text, max(width, 30), initial_indent=indent, subsequent_indent=indent + hanging, break_on_hyphens=False
    )
