"""`leadq retry-batch`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from leadq.app import App
from leadq.commands.interrupts import interrupts_noted
from leadq.commands.options import example, json_option, pass_app
from leadq.errors import NotFound

SHOWN_ONE_BY_ONE = 50


@click.command(epilog=example("leadq retry-batch 4f1c", "leadq retry-batch 4f1c 9abc"))
@click.argument("references", metavar="ID…", nargs=-1, required=True)
@json_option
@pass_app
def command(app: App, references: tuple[str, ...]) -> None:
    """Put the failed jobs of batches back into their queues.

    Each batch by its id or the beginning of it. As `leadq retry`: a notification that is recorded as sent is not sent
    again.
    """
    app.start_logging()
    batch_ids, missing = _found(app, references)
    retried: list[str] = []
    is_broken_off = False
    with interrupts_noted() as interrupted:
        for chunk in _failed_jobs(app, batch_ids):
            if interrupted():
                is_broken_off = True
                break
            for uuid in app.store.triage.retry_chunk(chunk):
                app.log("Failed job retried", job=uuid)
                retried.append(uuid)
                if not app.out.as_json and len(retried) <= SHOWN_ONE_BY_ONE:
                    app.out.line(f"{uuid}  queued again")
    _report(app, retried, missing, is_broken_off)


def _found(app: App, references: tuple[str, ...]) -> tuple[list[str], dict[str, NotFound]]:
    """The ids of the batches, none twice, and the references that fit none."""
    found: dict[str, None] = {}
    missing: dict[str, NotFound] = {}
    for reference in references:
        try:
            found[app.store.batches.find(reference).id] = None
        except NotFound as error:
            missing[reference] = error
    return list(found), missing


def _failed_jobs(app: App, batch_ids: list[str]) -> Iterator[list[int]]:
    """Their numbers, as many at a time as one transaction should move."""
    from leadq.store.failed import FailedFilter

    for batch_id in batch_ids:
        yield from app.store.failed.chunks(FailedFilter(batch_id=batch_id))


def _report(app: App, retried: list[str], missing: dict[str, NotFound], is_broken_off: bool) -> None:
    if app.out.as_json:
        app.out.document({"retried": retried, "not_found": list(missing)})
    else:
        if retried:
            app.out.line(f"{len(retried)} failed {'job' if len(retried) == 1 else 'jobs'} queued again.")
        elif not missing and not is_broken_off:
            app.out.line("No failed jobs to retry.")
        for error in missing.values():
            app.out.error(error.message, error.hint)
    if is_broken_off:
        app.out.error("interrupted; some are left", "The same command goes on with them.")
    if missing or is_broken_off:
        raise click.exceptions.Exit(1)
