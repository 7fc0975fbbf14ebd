"""The options that narrow failed jobs, alike for all commands about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, RANGE, SECONDS, WORDS

if TYPE_CHECKING:
    from leadq.store.failed import FailedFilter

F = TypeVar("F", bound=Callable[..., Any])

FILTERS = (
    click.option("--queue", "queues", type=QUEUE_LIST, default=(), help="Only jobs of these queues."),
    click.option("--job", metavar="NAME", type=WORDS, help="Only jobs with this name."),
    click.option("--user", metavar="ID|EMAIL", type=WORDS, help="Only notifications of this colleague."),
    click.option(
        "--error", metavar="TEXT", type=WORDS, help="Only jobs whose exception has this text in it, whatever its case."
    ),
    click.option("--since", type=SECONDS, help="Only jobs that failed so recently: 90s, 10m, 2h, 1d."),
    click.option("--range", "ranges", type=RANGE, multiple=True, help="Only jobs with these numbers: 5-10."),
)


def filter_options(function: F) -> F:
    """Gives a command the options. It gets their values as keywords, for the functions below."""
    return reduce(lambda decorated, option: option(decorated), reversed(FILTERS), function)


def narrows(filters: dict[str, Any]) -> bool:
    """Whether any of the options was given."""
    return any(value not in {None, ()} for value in filters.values())


def refuse_with_ids(filters: dict[str, Any]) -> None:
    """Returns where none of the options was given. Raises click.UsageError."""
    for name, value in filters.items():
        if value not in {None, ()}:
            option = {"queues": "queue", "ranges": "range"}.get(name, name)
            raise click.UsageError(f"--{option} narrows `all`; it cannot be combined with ids.")


def failed_filter(
    app: App,
    *,
    queues: tuple[str, ...],
    job: str | None,
    user: str | None,
    error: str | None,
    since: float | None,
    ranges: tuple[tuple[int, int], ...],
) -> FailedFilter:
    """What the options say.

    Raises:
        NotFound: there is no such user.
    """
    from leadq.store.failed import FailedFilter

    return FailedFilter(
        queues=queues,
        job=job,
        user_id=None if user is None else app.store.users.find(user).id,
        error=error,
        ranges=ranges,
        failed_since=None if since is None else app.store.now() - int(since),
    )
