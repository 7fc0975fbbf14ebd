"""Columns that are fitted to a width."""

from __future__ import annotations

import pytest
from rich.text import Text

from leadq.output.grid import Column, fits, grid

COLUMNS = (Column(heading="queue", least=6), Column(heading="size", number=True), Column(heading="where", least=6))
ROWS = [
    [Text("default"), Text("1,234"), Text("a-long-place")],
    [Text("李雷李雷"), Text("5"), Text("here")],
]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (30, ["queue      size  where", "default   1,234  a-long-place", "李雷李雷      5  here"]),
        (28, ["queue     size where", "default  1,234 a-long-place", "李雷李雷     5 here"]),
        (22, ["queue    size where", "default 1,234 a-long-…", "李雷李…     5 here"]),
        (19, ["queue   size where", "defau… 1,234 a-lon…", "李雷 …     5 here"]),
        (10, ["queue   size where", "defau… 1,234 a-lon…", "李雷 …     5 here"]),
    ],
)
def test_gaps_become_narrower_first_and_then_the_widest_columns_that_may(width: int, lines: list[str]) -> None:
    assert [line.plain for line in grid(COLUMNS, ROWS, width)] == lines


@pytest.mark.parametrize(("width", "is_so"), [(19, True), (18, False)])
def test_it_is_known_whether_all_find_room(width: int, is_so: bool) -> None:
    assert fits(COLUMNS, ROWS, width) is is_so


def test_without_rows_there_is_a_heading() -> None:
    assert [line.plain for line in grid(COLUMNS, [], 80)] == ["queue  size  where"]
