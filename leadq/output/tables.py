"""Tables, drawn by Rich."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadq.output.console import shows_colour
from leadq.text import one_line

UNCUT_WIDTH = 100_000
STATUS_STYLES = {
    "sent": "green",
    "queued": "yellow",
    "pending": "yellow",
    "reserved": "cyan",
    "failed": "red",
    "none": "bright_black",
    "dropped": "bright_black",
    "delayed": "bright_black",
}


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: str | None) -> None:
    """Prints a table to stdout: fitted to a terminal, whole and in one line a row elsewhere.

    Cells are plain text to Rich: square brackets in a lead's name are no markup.
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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        numeric = column in {"id", "attempts", "priority", "lead", "size", "pending", "delayed", "reserved"}
        cut = {"no_wrap": True, "overflow": "ellipsis"} if column == wide else {"no_wrap": not on_terminal}
        table.add_column(column, justify="right" if numeric else "left", **cut)
    for row in rows:
        table.add_row(*[_cell(value) for value in row])
    console.print(table)


def _cell(value: Any) -> Text:
    text = "" if value is None else one_line(str(value))
    return Text(text, style=STATUS_STYLES.get(text, ""))
