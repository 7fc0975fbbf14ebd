"""`leadq retry`."""

from __future__ import annotations

from typing import Any

import click

from leadq.app import App
from leadq.commands.causes import print_causes
from leadq.commands.failed_filters import filter_options
from leadq.commands.options import SECONDS, example, json_option, pass_app
from leadq.commands.selection import Selection
from leadq.retries import Stagger

SHOWN_ONE_BY_ONE = 50


@click.command(
    epilog=example(
        "leadq retry 17",
        "leadq retry 4f1c",
        "leadq retry all --dry-run",
        'leadq retry all --since 2h --error "connection refused" --spread 10m',
    )
)
@click.argument("references", metavar="ID…|all", nargs=-1)
@filter_options
@click.option("--delay", type=SECONDS, default=0, help="Seconds until the first is due: 90s, 10m, 2h.")
@click.option("--spread", type=SECONDS, default=0, help="Have them due one by one, evenly over so long.")
@click.option("--dry-run", is_flag=True, help="Say how many they are and why they failed, and change nothing.")
@click.option("--force", is_flag=True, help="Send a mail once more even where it is recorded as sent.")
@json_option
@pass_app
def command(
    app: App,
    /,
    references: tuple[str, ...],
    delay: float,
    spread: float,
    dry_run: bool,
    force: bool,
    **filters: Any,
) -> None:
    """Put failed jobs back into their queues.

    By number, uuid or the beginning of a uuid, or all of them. They keep their uuid and start anew with no
    attempt spent. A notification that is recorded as sent is not sent again without --force. With --spread a
    mail server that has just come back is not flooded.
    """
    app.start_logging()
    selection = Selection(app, references, filters)
    if dry_run:
        _say_what_would_be_done(app, selection)
    else:
        _retry(app, selection, delay=delay, spread=spread, force=force)


def _retry(app: App, selection: Selection, *, delay: float, spread: float, force: bool) -> None:
    total = selection.count() if spread else 0
    stagger = Stagger(start=app.store.now(), delay=delay, spread=spread, total=total) if delay or spread else None
    seen = retried = 0
    uuids: list[str] = []  # for JSON alone, which names them all in one document: 100 bytes a job

    def retry(chunk: list[int]) -> None:
        nonlocal seen, retried
        due = {failed_id: stagger.due_at(seen + place) for place, failed_id in enumerate(chunk)} if stagger else None
        seen += len(chunk)
        for uuid in app.store.triage.retry_chunk(chunk, available_at=due, force=force):
            app.log("Failed job retried", job=uuid)
            retried += 1
            if app.out.as_json:
                uuids.append(uuid)
            elif retried <= SHOWN_ONE_BY_ONE:
                app.out.line(f"{uuid}  queued again")

    broken_off = selection.work_off(retry)
    if not app.out.as_json:
        if retried:
            app.out.line(f"{retried} failed {'job' if retried == 1 else 'jobs'} queued again.")
        elif not selection.missing and broken_off is None:
            app.out.line("No failed jobs to retry.")
    selection.report(app, {"retried": iter(uuids)}, broken_off)


def _say_what_would_be_done(app: App, selection: Selection) -> None:
    from leadq.causes import causes_of
    from leadq.output.documents import cause_document

    causes = causes_of(selection.summaries(), now=app.store.now())
    total = sum(cause.count for cause in causes)
    if not app.out.as_json:
        if causes:
            print_causes(app, causes)
            app.out.line(f"{total} failed {'job' if total == 1 else 'jobs'} would be queued again.")
        elif not selection.missing:
            app.out.line("No failed jobs to retry.")
    groups = [cause_document(cause) for cause in causes]
    selection.report(app, {"dry_run": True, "would_retry": total, "groups": groups})
