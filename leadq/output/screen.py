"""Lines on a terminal: printed once, or as a screen of their own that is drawn anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.text import Text

from leadq.output.console import shows_colour
from leadq.output.tables import UNCUT_WIDTH

Lines = Callable[[int, int | None], Iterable[Text]]
"""Makes lines for a width, and for a height; None where there may be as many as it takes."""


def print_lines(lines: Lines) -> None:
    """Prints to stdout: fitted to a terminal's width, and whole elsewhere."""
    console = _console()
    for line in lines(console.width, None):
        console.print(line, crop=False, soft_wrap=True)


@contextmanager
def frames() -> Iterator[Callable[[Lines], None]]:
    """Gives a call that shows a frame in place of the last one; without a terminal they follow each other.

    Whatever ends it, the terminal is as it was before.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield _print_frame
        return
    from rich.live import Live

    console = _console()
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:

        def show(lines: Lines) -> None:
            fitted = [_cut(line, console.width) for line in lines(console.width, console.height)]
            live.update(Group(*fitted[: console.height]), refresh=True)

        yield show


def _print_frame(lines: Lines) -> None:
    print_lines(lines)
    print(flush=True)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _console() -> Console:
    on_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        width=None if on_terminal else UNCUT_WIDTH,
        no_color=not shows_colour(sys.stdout),
        force_terminal=on_terminal or shows_colour(sys.stdout) or None,
        highlight=False,
        legacy_windows=False,
    )
