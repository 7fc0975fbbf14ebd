"""Where a command's results and remarks go: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from leadq.text import escaped, many_lines, one_line

STYLES = {"green": "32", "yellow": "33", "red": "31", "grey": "90", "bold": "1"}


class Output:
    """A command's two streams.

    Attributes:
        as_json: results are printed as one JSON document.
        quiet: remarks are left out; results, warnings and errors are not.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.as_json = False
        self.quiet = quiet

    @property
    def width(self) -> int | None:
        """The columns of the terminal that shows results; None where they go elsewhere."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def document(self, document: dict[str, Any]) -> None:
        """Prints a result as JSON."""
        print(_as_json(document))

    def stream(self, document: Iterable[tuple[str, Any]]) -> None:
        """Prints a result as `document` does, while it is being made: a long list takes no memory.

        Args:
            document: keys and values; the items of a value that is an iterator are printed one by one.
        """
        opening = "{"
        for key, value in document:
            print(f"{opening}\n  {_as_json(key)}: ", end="")
            if isinstance(value, Iterator):
                self._stream_list(value)
            else:
                print(_as_json(value).replace("\n", "\n  "), end="")
            opening = ","
        print("\n}")

    def _stream_list(self, items: Iterator[Any]) -> None:
        opening = "["
        for item in items:
            print(f"{opening}\n    " + _as_json(item).replace("\n", "\n    "), end="")
            opening = ","
        print("[]" if opening == "[" else "\n  ]", end="")

    def line(self, text: str = "") -> None:
        """Prints a line of a result. Control characters in it become blanks."""
        print(one_line_keeping_indent(text))

    def heading(self, text: str) -> None:
        """Prints a line that stands out, after an empty one."""
        print("\n" + painted(one_line(text), "bold", sys.stdout))

    def block(self, text: str) -> None:
        """Prints several lines of a result as they are, control characters apart."""
        print(many_lines(text))

    def facts(self, document: dict[str, Any], *, blocks: Sequence[str] = ()) -> None:
        """Prints one thing's facts, a line each; those of `blocks` last, under their names and line by line."""
        width = max(len(key) for key in document) + 2
        for key, value in document.items():
            if key not in blocks:
                shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
                print(f"{key:{width}}{one_line(str(shown))}" if shown is not None else key)
        for key in blocks:
            if document.get(key):
                self.line(f"{key}:")
                self.block(str(document[key]).rstrip("\n"))

    def note(self, text: str) -> None:
        """A remark."""
        if not self.quiet:
            print(one_line(text), file=sys.stderr)

    def warn(self, text: str) -> None:
        """A warning."""
        print(painted("Warning:", "yellow", sys.stderr) + " " + one_line(text), file=sys.stderr)

    def error(self, text: str, hint: str | None = None) -> None:
        """An error and what to do about it."""
        print(painted("Error:", "red", sys.stderr) + " " + one_line(text), file=sys.stderr)
        if hint:
            print("  " + one_line(hint), file=sys.stderr)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        shrink: Sequence[str] = (),
        below: Sequence[str] = (),
    ) -> None:
        """Prints a table.

        Args:
            columns: the headings.
            rows: the cells; None is left empty.
            shrink: the columns that are cut short where the terminal is too narrow, the first one first.
            below: the last columns, which on a terminal too narrow to read them get lines of their own under each row.
        """
        from leadq.output.tables import print_table

        print_table(columns, rows, shrink=shrink, below=below)


def _as_json(value: Any) -> str:
    return escaped(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def one_line_keeping_indent(text: str) -> str:
    """`text` made harmless, its blanks kept: they line things up."""
    indent = len(text) - len(text.lstrip(" "))
    return " " * indent + many_lines(text[indent:]).replace("\n", " ")


def painted(text: str, style: str, stream: TextIO) -> str:
    """`text` in a colour or weight of STYLES, where the stream shows colours."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if shows_colour(stream) else text


def shows_colour(stream: TextIO) -> bool:
    """Whether to colour: NO_COLOR and FORCE_COLOR decide, else a terminal does (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
