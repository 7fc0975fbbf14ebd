"""Which failed jobs a command is about: some by id, or all of them, narrowed by filters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import click

from leadq.app import App
from leadq.errors import NotFound
from leadq.store.failed import FailedFilter


def select_failed(
    app: App, references: tuple[str, ...], *, queue: str | None = None, ranges: tuple[tuple[int, int], ...] = ()
) -> tuple[Iterator[int], list[tuple[str, NotFound]]]:
    """The numbers of the failed jobs that are meant, oldest first, and the references that fit none.

    `all`, or a filter alone, means every failed job that the filters let through.

    Raises:
        click.UsageError: nothing is named, or ids and filters contradict each other.
    """
    filters = FailedFilter(queue=queue, ranges=ranges)
    if references == ("all",) or (not references and filters != FailedFilter()):
        return app.store.failed.ids(filters), []
    if not references:
        raise click.UsageError("Give the ids of failed jobs, or `all`. See: leadq failed")
    if "all" in references:
        raise click.UsageError("`all` and ids exclude each other.")
    if queue is not None:
        raise click.UsageError("--queue narrows `all`; it cannot be combined with ids.")
    found: dict[int, None] = {}
    missing: dict[str, NotFound] = {}
    for reference in references:
        try:
            found[app.store.failed.find(reference).id] = None
        except NotFound as error:
            missing[reference] = error
    also = app.store.failed.ids(filters) if ranges else iter(())
    return iter(dict.fromkeys(chain(found, also))), list(missing.items())
