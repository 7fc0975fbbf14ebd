"""Untrusted text made harmless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadq.text import many_lines, one_line

ANYTHING = st.text(st.characters(exclude_categories=()))  # lone surrogates, too
FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("Ana Lima", "Ana Lima"),
        ("  Ana \t Lima\r\n", "Ana Lima"),
        ("\x1b[2J\x1b[31mred", "[2J [31mred"),
        ("a\x00b\x07c\x7fd\x9be", "a b c d e"),
        ("line\u2028break\u2029here\x85now", "line break here now"),
        ("pay\u202egnp.exe", "pay gnp.exe"),
        ("\u200e\u200f\u061c\u2066\u2069a", "a"),
        ("\ufeffbom and zero\u200bwidth", "bom and zero width"),
        ("lone \udcff surrogate", "lone surrogate"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("Zoë Ćosić 李雷 مریم\u200cها", "Zoë Ćosić 李雷 مریم\u200cها"),
        (f"{FAMILY} ❤\ufe0f", f"{FAMILY} ❤\ufe0f"),
        ("\x1b\r\n\u202e", ""),
        ("", ""),
    ],
)
def test_one_line_blanks_what_could_harm_and_keeps_the_rest(text: str, harmless: str) -> None:
    assert one_line(text) == harmless


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("abcd fgh", 6, "abcd…"), ("ab", 1, "…")],
)
def test_a_limit_keeps_that_many_characters_the_ellipsis_included(text: str, limit: int, cut: str) -> None:
    assert one_line(text, limit=limit) == cut


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("one\ntwo", "one\ntwo"),
        ("one\r\ntwo\rthree\u2028four\u2029five\x85six", "one\ntwo\nthree\nfour\nfive\nsix"),
        ("a\tb", "a   b"),
        ("  indented\x1b[2J\ntrailing  ", "  indented [2J\ntrailing"),
        ("x\x0by\x0cz\x1cw", "x y z w"),
        ("pay\u202egnp\n\udcff", "pay gnp\n"),
        (f"{FAMILY}\n", f"{FAMILY}\n"),
    ],
)
def test_many_lines_keeps_line_breaks_alone(text: str, harmless: str) -> None:
    assert many_lines(text) == harmless


@given(ANYTHING)
def test_one_line_is_one_encodable_line_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([line], [])
    assert one_line(line) == line
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cs", "Zl", "Zp"}
    line.encode("utf-8")


@given(ANYTHING)
def test_many_lines_holds_no_control_character_but_line_feeds(text: str) -> None:
    lines = many_lines(text)
    assert not {unicodedata.category(c) for c in lines.replace("\n", "")} & {"Cc", "Cs", "Zl", "Zp"}
    lines.encode("utf-8")
