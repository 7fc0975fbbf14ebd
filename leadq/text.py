"""Makes untrusted text harmless: for a terminal, a log line and a mail header alike.

Names, messages, errors and payloads come from strangers. Control characters (terminal escapes, line
breaks), lone surrogates, line separators and the invisible characters that reorder or hide text
(https://www.unicode.org/reports/tr36/, section "Bidirectional Text Spoofing") must not reach a screen.
"""

from __future__ import annotations

import json
import re
import unicodedata

JOINERS = "\u200c\u200d"  # needed to spell Persian and to draw composed emoji; they hide nothing
_FOREIGN = re.compile(r"[^\x00-\x7e]")
_BLANKS = re.compile(r" {2,}")
_LINE_BREAKS = re.compile(r"\r\n|\r|\n|\u2028|\u2029|\x85")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_harmful(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in JOINERS


def one_line(text: str, *, limit: int | None = None) -> str:
    """`text` with every control, bidi-control and line-breaking character turned into a blank.

    Args:
        text: anything a stranger may have written.
        limit: characters to keep, an ellipsis included; None keeps all.
    """
    text = _blanked(text)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    text = text.strip()
    if limit is not None and len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text


def escaped(document: str) -> str:
    """A JSON document whose harmful characters are written as `\\uXXXX`: the same data, safe to look at."""
    return _FOREIGN.sub(lambda match: json.dumps(match[0])[1:-1] if _is_harmful(match[0]) else match[0], document)


def spelled_out(text: str) -> str:
    """`text` whose harmful characters are written as `\\uXXXX`: two texts that differ do so afterwards, too."""
    return "".join(f"\\u{ord(one):04x}" if _is_harmful(one) else one for one in text)


def storable(text: str) -> str:
    """`text` with half characters, as a command line in another encoding leaves them, replaced: they cannot be kept."""
    return text.encode("utf-8", "replace").decode("utf-8")


def many_lines(text: str) -> str:
    """`text` made harmless line by line; line breaks and tabs are kept, the latter as blanks."""
    if _is_plain(text):
        return text.rstrip()
    lines = _LINE_BREAKS.split(text.expandtabs(4))
    return "\n".join(_blanked(line).rstrip() for line in lines)


def _blanked(line: str) -> str:
    if _is_plain(line):
        return line
    return "".join(" " if _is_harmful(character) else character for character in line)
