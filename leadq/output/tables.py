"""Tables, drawn by Rich."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leadq.output.console import shows_colour
from leadq.text import one_line

UNCUT_WIDTH = 100_000
GAP = 2
NARROWEST = 10
READABLE = 60
NUMBERS = {"id", "attempts", "priority", "lead", "progress", "pending", "failed"}
NUMBERS |= {"count", "1h", "24h", "leads", "users", "sample"}
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


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, shrink: Sequence[str] = (), below: Sequence[str] = ()
) -> None:
    """Prints a table to stdout: one line a row; fitted to a terminal, and whole elsewhere.

    Cells are plain text to Rich: square brackets in a lead's name are no markup.

    Args:
        columns: the headings.
        rows: the cells; None is left empty.
        shrink: the columns that are cut short on a narrow terminal, the first one first.
        below: the last columns, which on a terminal too narrow to read them get lines of their own under each row.
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
    if below and _is_narrow(_whole_widths(columns, texts), console.width):
        _print_with_lines_below(console, columns, texts, len(below))
    else:
        console.print(_table(columns, texts, _widths(columns, texts, shrink, console.width)), crop=False)


def _table(columns: Sequence[str], texts: list[list[str]], widths: list[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for column, width in zip(columns, widths, strict=True):
        justify = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, width=width, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for row in texts:
        table.add_row(*[Text(text, style=STYLES.get(text, "")) for text in row])
    return table


def _print_with_lines_below(console: Console, columns: Sequence[str], texts: list[list[str]], below: int) -> None:
    beside = [row[:-below] for row in texts]
    with console.capture() as captured:
        console.print(_table(columns[:-below], beside, _whole_widths(columns[:-below], beside)), crop=False)
    heading, rule, *lines = captured.get().splitlines()
    print(heading, rule, sep="\n")
    for line, row in zip(lines, texts, strict=True):
        print(line)
        console.print(Padding(Text((" " * GAP).join(row[-below:])), (0, 0, 0, GAP), expand=False))


def _whole_widths(columns: Sequence[str], rows: list[list[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _is_narrow(widths: list[int], room: int) -> bool:
    """Whether the last column would be cut to less than one can read."""
    return _excess([*widths[:-1], min(widths[-1], READABLE)], room) > 0


def _excess(widths: list[int], room: int) -> int:
    return sum(widths) + GAP * (len(widths) - 1) - room


def _widths(columns: Sequence[str], rows: list[list[str]], shrink: Sequence[str], room: int) -> list[int]:
    widths = _whole_widths(columns, rows)
    excess = _excess(widths, room)
    for column in shrink:
        place = columns.index(column)
        cut = min(excess, widths[place] - max(NARROWEST, cell_len(column)))
        if cut > 0:
            widths[place] -= cut
            excess -= cut
    return widths
