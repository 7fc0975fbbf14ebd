"""The fenced blocks of README.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = "```"


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block.

    Attributes:
        section: the `##` heading that it stands under.
        lead_in: the line before it that is not empty.
        line: the number of its first line in README.md.
        text: its lines, each with its end.
    """

    language: str
    section: str
    lead_in: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"README.md:{self.line}: {self.text.partition(chr(10))[0]}"


def _blocks() -> list[Block]:
    found: list[Block] = []
    section = lead_in = ""
    opened: tuple[str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(README.splitlines(), start=1):
        if line.startswith(FENCE):
            if opened is None:
                opened, inside = (line.removeprefix(FENCE), number + 1), []
            else:
                text = "".join(f"{one}\n" for one in inside)
                found.append(Block(language=opened[0], section=section, lead_in=lead_in, line=opened[1], text=text))
                opened = None
        elif opened is not None:
            inside.append(line)
        elif line.strip():
            lead_in = line
            section = line.removeprefix("## ") if line.startswith("## ") else section
    assert opened is None, f"README.md:{opened}: a block that does not end"
    return found


BLOCKS = _blocks()
CLAIMED: list[Block] = []


def claim(*, section: str, language: str | None = None, lead_in: str = "") -> list[Block]:
    """The blocks of a section that a test is to run, the first one first.

    Each block is claimed by one test: test_every_block.py fails where one is claimed by none or by two.

    Args:
        section: its heading.
        language: only those in it; all if None.
        lead_in: only those after a line that holds this.
    """
    found = [
        block
        for block in BLOCKS
        if block.section == section and language in {None, block.language} and lead_in in block.lead_in
    ]
    assert found, f"README.md has no block in {language or 'any language'} under {section!r} after {lead_in!r}"
    CLAIMED.extend(found)
    return found


def runs(*, section: str, language: str | None = None, lead_in: str = "") -> pytest.MarkDecorator:
    """Claims blocks for a test, which is called with each as its `block`."""
    claimed = claim(section=section, language=language, lead_in=lead_in)
    return pytest.mark.parametrize("block", claimed, ids=[f"line {block.line}" for block in claimed])
