"""A reply of an SMTP server."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leadq.mail.errors import LONGEST_REPLY
from leadq.text import one_line

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
LONGEST_LINE = 8192
MOST_LINES = 100


class GarbledReply(Exception):
    """The server said something that is not SMTP."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply, its lines decoded and without their codes."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 2034), such as 5.1.1."""
        match = _ENHANCED.match(self.lines[0])
        return match[1] if match else None

    @property
    def text(self) -> str:
        """The whole reply in one harmless line; a status code that each line repeats is said once."""
        words = [self.lines[0], *(_ENHANCED.sub("", line, count=1) for line in self.lines[1:])]
        return one_line(f"{self.code} {' '.join(words)}", limit=LONGEST_REPLY)


def split_line(line: bytes) -> tuple[int, bool, str]:
    """Code, whether more lines follow, and text of one reply line.

    Raises:
        GarbledReply: no three digits, followed by nothing, a blank or a hyphen.
    """
    match = re.fullmatch(rb"(\d{3})(?:([ -])(.*))?", line.rstrip(b"\r\n"), re.DOTALL)
    if match is None:
        shown = one_line(line.decode("utf-8", "replace"), limit=80)
        raise GarbledReply(f"the server's answer is not SMTP: {shown!r}")
    return int(match[1]), match[2] == b"-", (match[3] or b"").decode("utf-8", "replace").strip()
