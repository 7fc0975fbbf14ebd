"""Columns of text lines, fitted to a width: what tells most stays whole, and the rest is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAPS = (2, 1)  # between two columns: the wider one where there is room for it
CUT = "…"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column.

    Attributes:
        heading: its first line.
        number: whether it is lined up at its right end.
        least: to how many cells it may be cut; None where it stays whole.
    """

    heading: str
    number: bool = False
    least: int | None = None


def grid(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[Text]:
    """A line for the headings and one for each row."""
    headings = [Text(column.heading, style="bold") for column in columns]
    widths = _natural_widths([headings, *rows])
    gap = next((gap for gap in GAPS if _total(widths, gap) <= width), GAPS[-1])
    widths = _cut(columns, widths, _total(widths, gap) - width)
    return [_line(columns, row, widths, gap) for row in (headings, *rows)]


def fits(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> bool:
    """Whether the columns find room, those that may be cut at their least."""
    headings = [Text(column.heading) for column in columns]
    widths = _natural_widths([headings, *rows])
    return _total(_cut(columns, widths, sum(widths)), GAPS[-1]) <= width


def _natural_widths(rows: Sequence[Sequence[Text]]) -> list[int]:
    return [max(cell.cell_len for cell in cells) for cells in zip(*rows, strict=True)]


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _cut(columns: Sequence[Column], widths: Sequence[int], excess: int) -> list[int]:
    """The widths with `excess` cells taken away where that may be, cell by cell from the widest."""
    cut = list(widths)
    room = {
        place: max(column.least, cell_len(column.heading))
        for place, column in enumerate(columns)
        if column.least is not None
    }
    for _ in range(excess):
        cuttable = [place for place, least in room.items() if cut[place] > least]
        if not cuttable:
            break
        cut[max(cuttable, key=cut.__getitem__)] -= 1
    return cut


def _line(columns: Sequence[Column], row: Sequence[Text], widths: Sequence[int], gap: int) -> Text:
    cells = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        fitted = cell.copy()
        fitted.truncate(width, overflow="ellipsis")
        fitted.align("right" if column.number else "left", width)
        cells.append(fitted)
    line = Text(" " * gap).join(cells)
    line.rstrip()
    return line
