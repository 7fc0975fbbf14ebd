"""Which failed jobs a command is about: some by id, or all of them, narrowed by filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from leadq.app import App
from leadq.commands.failed_filters import failed_filter, narrows, refuse_with_ids
from leadq.commands.interrupts import interrupts_noted
from leadq.errors import Interrupted, LeadqError, NotFound

if TYPE_CHECKING:
    from leadq.store.records import FailedSummary


@dataclass(frozen=True)
class BrokenOff:
    """Why a command has ended in the middle: Ctrl-C, or a store that cannot be used. What was done is done.

    Attributes:
        error: what is told.
        left: how many jobs are left, where that is known.
    """

    error: LeadqError
    left: int | None = None


class Selection:
    """The failed jobs that a command is about.

    Args:
        references: ids; `all`, or filters alone, means every failed job that the filters let through.
        filters: the values of the options of `filter_options`.

    Attributes:
        missing: the references that fit none, each with its error.

    Raises:
        click.UsageError: nothing is named, or ids and filters contradict each other.
        NotFound: there is no such user.
    """

    def __init__(self, app: App, references: tuple[str, ...], filters: dict[str, Any]) -> None:
        everything = references == ("all",) or (not references and narrows(filters))
        if not everything:
            if not references:
                raise click.UsageError("Give the ids of failed jobs, or `all`. See: leadq failed")
            if "all" in references:
                raise click.UsageError("`all` and ids exclude each other.")
            refuse_with_ids({**filters, "ranges": ()})
        self._failed = app.store.failed
        self._filter = failed_filter(app, **filters) if everything or filters["ranges"] else None
        self._ids: dict[int, None] = {}
        self.missing: dict[str, NotFound] = {}
        for reference in () if everything else references:
            try:
                self._ids[self._failed.find(reference).id] = None
            except NotFound as error:
                self.missing[reference] = error

    def chunks(self) -> Iterator[list[int]]:
        """Their numbers, none twice, as many at a time as one transaction should move: those named, then the oldest."""
        from leadq.store.failed import CHUNK

        ids = list(self._ids)
        named = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
        others = self._failed.chunks(self._filter) if self._filter else iter(())
        yield from named
        for chunk in others:
            if rest := [failed_id for failed_id in chunk if failed_id not in self._ids]:
                yield rest

    def count(self) -> int:
        """How many they are."""
        return self._failed.count(self._filter) if self._filter and not self._ids else sum(map(len, self.chunks()))

    def summaries(self) -> Iterator[FailedSummary]:
        """What a list tells of them."""
        return self._failed.summaries(self.chunks())

    def work_off(self, work: Callable[[list[int]], None]) -> BrokenOff | None:
        """Calls `work` with chunk after chunk. Returns None once all are done, or why it has ended in the middle.

        Raises:
            LeadqError: it has failed before anything was done.
        """
        chunks = self.chunks()
        begun = False
        try:
            with interrupts_noted() as interrupted:
                for chunk in chunks:
                    work(chunk)
                    begun = True
                    if interrupted():
                        break
            left = sum(map(len, chunks))
        except LeadqError as error:
            if not begun:
                raise
            return BrokenOff(error)
        if not left:
            return None
        return BrokenOff(Interrupted(f"interrupted; {left} are left", hint="The same command goes on with them."), left)

    def report(self, app: App, done: dict[str, Any], broken_off: BrokenOff | None = None) -> None:
        """Ends a command: prints `done` as JSON where that was asked for, says what went wrong, and exits with 1 then.

        Args:
            app: where.
            done: what the command prints as JSON, but for what went wrong.
            broken_off: why it has ended in the middle.
        """
        if app.out.as_json:
            from leadq.output.documents import error_document

            document = {**done, "not_found": list(self.missing)}
            if broken_off is not None:
                document |= {"left": broken_off.left, **error_document(broken_off.error)}
            app.out.stream(document.items())
        else:
            for error in (*self.missing.values(), *([broken_off.error] if broken_off else [])):
                app.out.error(error.message, error.hint)
        if self.missing or broken_off:
            raise click.exceptions.Exit(1)
