"""`leadq forget`."""

from __future__ import annotations

from typing import Any

import click

from leadq.app import App
from leadq.commands.failed_filters import filter_options
from leadq.commands.options import example, json_option, pass_app
from leadq.commands.selection import Selection


@click.command(
    epilog=example("leadq forget 17", "leadq forget 4f1c 18", 'leadq forget all --error "no such user" --since 1d')
)
@click.argument("references", metavar="ID…|all", nargs=-1)
@filter_options
@json_option
@pass_app
def command(app: App, /, references: tuple[str, ...], **filters: Any) -> None:
    """Delete failed jobs.

    By number, uuid or the beginning of a uuid, or all of them. Their notifications are given up for good.
    """
    app.start_logging()
    selection = Selection(app, references, filters)
    deleted = 0

    def forget(chunk: list[int]) -> None:
        nonlocal deleted
        deleted += app.store.triage.forget_chunk(chunk)

    broken_off = selection.work_off(forget)
    app.log("Failed jobs forgotten", deleted=deleted)
    if not app.out.as_json and (deleted or not selection.missing):
        app.out.line(f"{deleted} failed {'job' if deleted == 1 else 'jobs'} deleted.")
    selection.report(app, {"deleted": deleted}, broken_off)
