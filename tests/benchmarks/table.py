"""The rows as Rich draws them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.benchmarks.figures import Row

UNCUT_WIDTH = 200  # where the output is no terminal
MET = {True: Text("yes", style="green"), False: Text("no", style="red"), None: Text("")}


def print_table(rows: Sequence[Row], *, title: str, durability: Mapping[str, str]) -> None:
    """Prints all rows to stdout, with what the run was and how durable each database is."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("benchmark", "database", "what", "jobs", "leadq", "unit", "baseline", "beside", "ratio"):
        table.add_column(heading, justify="right" if heading in {"jobs", "leadq", "baseline", "ratio"} else "left")
    table.add_column("wished", no_wrap=True)
    table.add_column("met")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.benchmark != row.benchmark:
            table.add_section()
        table.add_row(row.benchmark, row.database, *_cells(row))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else UNCUT_WIDTH, highlight=False)
    console.print(table)
    for database, level in durability.items():
        console.print(f"{database}: {level}")


def _cells(row: Row) -> list[str | Text]:
    figure = row.figure
    if figure is None:
        return [Text(f"not installed: {row.missing}", style="yellow")]
    return [
        figure.what,
        f"{figure.jobs:,}",
        _shown(figure.leadq),
        figure.unit,
        _shown(figure.baseline),
        figure.beside or "",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.wish.text(figure.unit) if figure.wish else "",
        MET[figure.is_met],
    ]


def _shown(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
