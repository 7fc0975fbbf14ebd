"""How far a long command has come, on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leadq.output.console import Output, shows_colour

BAR_SECONDS = 0.1
LINE_SECONDS = 5.0

Advance = Callable[[int, int], None]
"""Called with the bytes read so far and the rows done so far."""


@contextmanager
def progress(out: Output, *, total: int) -> Iterator[Advance]:
    """Shows progress while it is entered.

    Args:
        out: nothing is shown where it is quiet.
        total: the bytes to be read.
    """
    if out.quiet:
        yield _nothing
    elif sys.stderr.isatty():
        with _bar(total) as advance:
            yield advance
    else:
        yield _lines(out, total)


def _nothing(_position: int, _rows: int) -> None:
    """Shows nothing."""


@contextmanager
def _bar(total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr, no_color=not shows_colour(sys.stderr), legacy_windows=False)
    columns = (
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(compact=True),
    )
    started = time.monotonic()
    shown = 0.0
    # without a thread of its own: the rows are what moves it
    with Progress(*columns, console=console, transient=True, auto_refresh=False, expand=True) as bar:
        task = bar.add_task("", total=total, rows=0, rate=0.0)

        def advance(position: int, rows: int) -> None:
            nonlocal shown
            now = time.monotonic()
            bar.update(task, completed=position, rows=rows, rate=rows / max(now - started, 0.001))
            if now - shown >= BAR_SECONDS:
                bar.refresh()
                shown = now

        yield advance


def _lines(out: Output, total: int) -> Advance:
    started = told = time.monotonic()

    def advance(position: int, rows: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= LINE_SECONDS:
            told = now
            done = position / total
            rate, left = rows / (now - started), (now - started) * (1 - done) / done
            out.note(f"{rows:,} rows, {done:.0%}, {rate:,.0f}/s, {left:.0f} s left")

    return advance
