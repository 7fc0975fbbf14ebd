"""Durations as people type them."""

from __future__ import annotations

import pytest

from leadq.durations import LONGEST_SECONDS, parse_seconds, span
from leadq.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("1.5s", 1.5),
        ("10m", 600),
        ("2h", 7200),
        ("1d", 86400),
        (" 10 M ", 600),
        ("3650d", LONGEST_SECONDS),
    ],
)
def test_a_duration_is_seconds_or_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "soon", "-5", "5x", "1h30m", "٣", "inf", "nan", "1e3", ".5", "0x10"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_seconds(text)
    assert refusal.value.message == f"{text!r} is not a duration; expected seconds or 90s, 10m, 2h, 1d"


def test_more_than_ten_years_is_too_long() -> None:
    with pytest.raises(InvalidInput, match=r"^'3651d' is too long; expected at most ten years$"):
        parse_seconds("3651d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86399, "23h"), (86400, "1d"), (1e7, "115d")],
)
def test_a_span_is_told_in_the_largest_unit_of_which_it_has_one(seconds: float, text: str) -> None:
    assert span(seconds) == text
