"""Tables, drawn by Rich."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadq.output.console import shows_colour
from leadq.text import one_line

UNCUT_WIDTH = 100_000
GAP = 2
NARROWEST = 10
NUMBERS = {"id", "attempts", "priority", "lead", "progress", "pending", "failed"}
STYLES = {
    "sent": "green",
    "queued": "yellow",
    "pending": "yellow",
    "reserved": "cyan",
    "failed": "red",
    "none": "bright_black",
    "dropped": "bright_black",
    "delayed": "bright_black",
}


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, shrink: Sequence[str]) -> None:
    """Prints a table to stdout: one line a row; fitted to a terminal, and whole elsewhere.

    Cells are plain text to Rich: square brackets in a lead's name are no markup.

    Args:
        columns: the headings.
        rows: the cells; None is left empty.
        shrink: the columns that are cut short on a narrow terminal, the first one first.
    """
    on_terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout,
        width=None if on_terminal else UNCUT_WIDTH,
        no_color=not shows_colour(sys.stdout),
        force_terminal=shows_colour(sys.stdout) or None,
        highlight=False,
        legacy_windows=False,
    )
    texts = [["" if value is None else one_line(str(value)) for value in row] for row in rows]
    widths = _widths(columns, texts, shrink, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for column, width in zip(columns, widths, strict=True):
        justify = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, width=width, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for row in texts:
        table.add_row(*[Text(text, style=STYLES.get(text, "")) for text in row])
    console.print(table, crop=False)


def _widths(columns: Sequence[str], rows: list[list[str]], shrink: Sequence[str], room: int) -> list[int]:
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    excess = sum(widths) + GAP * (len(columns) - 1) - room
    for column in shrink:
        place = columns.index(column)
        cut = min(excess, widths[place] - max(NARROWEST, cell_len(column)))
        if cut > 0:
            widths[place] -= cut
            excess -= cut
    return widths
