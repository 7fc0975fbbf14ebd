"""The queues that `pause` and `resume` are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from leadq.commands.options import QUEUE_LIST

F = TypeVar("F", bound=Callable[..., Any])
ALL = "all"


def queues_or_all(function: F) -> F:
    """The argument QUEUE… and the option --all, as `lists` and `everything`."""
    function = click.option("--all", "everything", is_flag=True, help="All queues, those to come included.")(function)
    return click.argument("lists", metavar="QUEUE…", nargs=-1, type=QUEUE_LIST)(function)


def chosen_queues(lists: Sequence[tuple[str, ...]], everything: bool) -> list[str | None]:
    """The names, each once; None for all.

    Raises:
        click.UsageError: neither names nor --all, or both; or the word `all`, which `retry` and `forget` take for all.
    """
    names = list(dict.fromkeys(name for names in lists for name in names))
    if everything and names:
        raise click.UsageError("QUEUE and --all exclude each other.")
    if ALL in names:
        raise click.UsageError("`all` would be the name of one queue here. For all queues type --all.")
    if not everything and not names:
        raise click.UsageError("Give the names of queues, or --all.")
    return [None] if everything else [*names]
