"""Options and kinds of values that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leadq.app import App
from leadq.durations import parse_seconds
from leadq.errors import InvalidInput
from leadq.settings_parsers import queue_name
from leadq.text import storable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

BIGGEST_ID = 2**63 - 1
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
MOST_ROWS = 10**9  # so that as many pages of as many rows are a number that a database can hold

F = TypeVar("F", bound=Callable[..., Any])

pass_app = click.make_pass_decorator(App)


class Seconds(click.ParamType):
    """`90`, `90s`, `10m` or `2h`, as seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_seconds(value)
        except InvalidInput as error:
            self.fail(error.message, param, ctx)


class SecondsList(click.ParamType):
    """`60,360` or `1m,6m`, as a tuple of seconds."""

    name = "seconds,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The seconds, in order."""
        if isinstance(value, tuple):
            return value
        return tuple(Seconds().convert(part, param, ctx) for part in value.split(",") if part.strip())


class QueueList(click.ParamType):
    """Comma-separated queue names, trimmed and without doubles."""

    name = "queues"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, in order."""
        if isinstance(value, tuple):
            return value
        names = dict.fromkeys(part.strip() for part in value.split(",") if part.strip())
        if not names:
            self.fail("expected at least one queue name", param, ctx)
        return tuple(QueueName().convert(name, param, ctx) for name in names)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that may follow."""
        from leadq.commands.completion import complete_queues

        return complete_queues(ctx, incomplete)


class QueueName(click.ParamType):
    """One queue name."""

    name = "queue"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name."""
        try:
            return queue_name(value.strip())
        except ValueError as error:
            self.fail(f"{value!r}: expected {error}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that it may become."""
        from leadq.commands.completion import complete_queue

        return complete_queue(ctx, incomplete)


class Words(click.ParamType):
    """A text to look for."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, as the database can hold it."""
        text = storable(value)
        if not text.strip():
            self.fail("expected a text that is not empty", param, ctx)
        return text


class Range(click.ParamType):
    """`5-10`, as a pair of numbers, the lower one first."""

    name = "from-to"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The pair."""
        first, dash, last = value.partition("-")
        if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
            self.fail(f"{value!r}: expected two numbers such as 5-10", param, ctx)
        low, high = sorted(min(int(number), BIGGEST_ID) for number in (first, last))
        return low, high


class AtLeast(click.IntRange):
    """A whole number from `least` on; one beyond `most` means as much as `most`."""

    def __init__(self, least: int, *, most: int) -> None:
        super().__init__(min=least)
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        number: int = super().convert(value, param, ctx)
        return min(number, self._most)


class Column(click.ParamType):
    """`COL=FIELD`, as a pair."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The column's name and the field's."""
        from leadq.lead_import.names import FIELDS  # which no other command needs

        column, _, field = value.rpartition("=")
        field = field.strip().lower()
        if not column.strip() or field not in FIELDS:
            self.fail(f"{value!r}: expected COL=FIELD, where FIELD is one of {', '.join(FIELDS)}", param, ctx)
        return column.strip(), field


class Delimiter(click.ParamType):
    """`comma`, `semicolon`, `tab`, or the character itself."""

    name = "delimiter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The character."""
        delimiter = DELIMITERS.get(value.lower(), "\t" if value == "\\t" else value)
        if len(delimiter) != 1 or delimiter in '" \r\n\0' or delimiter.isalnum():
            self.fail(f"{value!r}: expected comma, semicolon, tab, or one character", param, ctx)
        return str(delimiter)


SECONDS, SECONDS_LIST, QUEUE_LIST, QUEUE_NAME, RANGE = Seconds(), SecondsList(), QueueList(), QueueName(), Range()
COLUMN, DELIMITER = Column(), Delimiter()
WORDS, LIMIT, HOURS = Words(), AtLeast(1, most=MOST_ROWS), AtLeast(0, most=10 * 365 * 24)


def json_option(function: F) -> F:
    """`--json`: the result, or the error, as one JSON document."""

    def note(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        ctx.find_object(App).out.as_json = value  # type: ignore[union-attr]  # the group has made it

    return click.option("--json", is_flag=True, expose_value=False, is_eager=True, callback=note, help="Print JSON.")(
        function
    )


def example(*lines: str) -> str:
    """The epilog of a command's help: lines that can be typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
