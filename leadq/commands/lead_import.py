"""`leadq lead import`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import COLUMN, DELIMITER, QUEUE_NAME, SECONDS, example, json_option, pass_app
from leadq.errors import LeadqError
from leadq.lead_import.names import FIELDS

if TYPE_CHECKING:
    from leadq.lead_import.chunk import OnDuplicate
    from leadq.lead_import.columns import Columns
    from leadq.lead_import.importer import LeadImport, Tally
    from leadq.lead_import.source import Source
    from leadq.leads import Routing

REASONS_SHOWN = 10
HOW_TO_GO_ON = "Import the file again to go on; with --on-duplicate skip, what is there already is skipped."


@click.command(
    "import",
    epilog=example(
        "leadq lead import leads.csv --dry-run",
        "leadq lead import export.csv --user sales@example.com --map 'Contact mail=email'",
    ),
)
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option("--user", metavar="ID|EMAIL", help="Whose the leads are.  [default: who has waited longest for one]")
@click.option(
    "--map",
    "mapping",
    metavar="COL=FIELD",
    type=COLUMN,
    multiple=True,
    help=f"What a column holds, where its name does not say so: {', '.join(FIELDS)}. May be given more than once.",
)
@click.option("--delimiter", type=DELIMITER, help="comma, semicolon, tab, or a character.  [default: found out]")
@click.option(
    "--on-duplicate",
    type=click.Choice(["skip", "create", "error"]),
    default="skip",
    show_default=True,
    help="What becomes of a row whose address a lead or an earlier row has already; error rejects it.",
)
@click.option("--dry-run", is_flag=True, help="Check every row and say what would happen, and write nothing.")
@click.option("--queue", type=QUEUE_NAME, help="The notifications' queue.  [default: DB_QUEUE]")
@click.option("--delay", type=SECONDS, default=0, help="Send no earlier than so long from now: 90s, 10m, 2h.")
@click.option("--priority", type=int, default=0, show_default=True, help="Lower runs first.")
@json_option
@pass_app
def command(
    app: App,
    file: Path,
    user: str | None,
    mapping: tuple[tuple[str, str], ...],
    delimiter: str | None,
    on_duplicate: str,
    dry_run: bool,
    queue: str | None,
    delay: float,
    priority: int,
) -> None:
    """Store the leads of a CSV file, and the jobs that tell their users.

    The first line names the columns. Rows that cannot be imported stop no other: they go to FILE.rejects.csv,
    with line and reason, to be mended and imported again; then the exit code is 1. A file that is imported
    once more, as after a breakdown, doubles no lead.
    """
    from leadq.lead_import.chunk import OnDuplicate, require_usable
    from leadq.lead_import.columns import columns_of
    from leadq.lead_import.source import opened
    from leadq.leads import Routing
    from leadq.output.documents import import_document

    policy = OnDuplicate(on_duplicate)
    routing = Routing(default_queue=app.settings.default_queue, queue=queue, delay=delay, priority=priority)
    with opened(file, delimiter=delimiter) as source:
        columns = columns_of(source.header, mapping)
        require_usable(app.store, user, routing)
        _tell_how_it_is_read(app, source, columns)
        if dry_run:
            tally, rejects_file = _try(app, source, columns, user, policy), None
        else:
            tally, rejects_file = _import(app, source, columns, user, routing, policy)
    if app.out.as_json:
        app.out.document(import_document(tally, rejects_file))
    _tell_what_is_left_to_do(app, tally, dry_run=dry_run)
    if tally.rejected:
        raise click.exceptions.Exit(1)


def _import(
    app: App, source: Source, columns: Columns, user: str | None, routing: Routing, policy: OnDuplicate
) -> tuple[Tally, Path | None]:
    from leadq.lead_import.chunk import StoredChunks
    from leadq.lead_import.importer import LeadImport
    from leadq.lead_import.rejects import RejectsFile, is_rejects_file, rejects_path

    app.start_logging()
    app.log("Lead import started", file=str(source.path), user=user, on_duplicate=policy.value)
    beside = rejects_path(source.path)
    places = (beside, app.settings.storage / beside.name)
    with closing(RejectsFile(places, columns.names, source)) as rejects:
        chunks = StoredChunks(app.store, file=source.path, user=user, routing=routing, on_duplicate=policy)
        run = LeadImport(columns, chunks, rejects, policy)
        try:
            tally = _run(app, source, run)
        except LeadqError:
            app.log_error("Lead import broken off", file=str(source.path), **run.tally.counts)
            raise
    app.log("Lead import ended", file=str(source.path), **tally.counts, batch=tally.batch_id)
    if not app.out.as_json:
        see = f" (see {rejects.path})" if rejects.path else ""
        app.out.line(f"{_leads(tally.created)} created, {tally.skipped} skipped, {tally.rejected} rejected{see}")
    if rejects.path is None and is_rejects_file(beside):
        app.out.note(f"{beside} is from an earlier run.")
    return tally, rejects.path


def _try(app: App, source: Source, columns: Columns, user: str | None, policy: OnDuplicate) -> Tally:
    from leadq.lead_import.chunk import TriedChunks
    from leadq.lead_import.importer import LeadImport
    from leadq.lead_import.rejects import FirstRejects

    rejects = FirstRejects(REASONS_SHOWN)
    chunks = TriedChunks(app.store, user=user, on_duplicate=policy)
    tally = _run(app, source, LeadImport(columns, chunks, rejects, policy))
    for reject in rejects.first:
        app.out.note(f"line {reject.line}: {reject.reason}")
    if tally.rejected > len(rejects.first):
        app.out.note(f"… and {tally.rejected - len(rejects.first)} more")
    if not app.out.as_json:
        would = f"{_leads(tally.created)} would be created, {tally.skipped} skipped, {tally.rejected} rejected"
        app.out.line(f"{would}; nothing was stored.")
    return tally


def _run(app: App, source: Source, run: LeadImport) -> Tally:
    """Runs an import with its progress shown, and says how far it came, whatever breaks it off."""
    from leadq.commands.interrupts import interrupts_noted
    from leadq.output.progress import progress

    tally = run.tally
    try:
        with interrupts_noted() as interrupted, progress(app.out, total=source.size) as advance:

            def goes_on() -> bool:
                advance(source.position, tally.rows)
                return not interrupted()

            if run.run(source.records(), goes_on):
                return tally
    except KeyboardInterrupt:
        pass
    except LeadqError:
        if tally.rows:
            app.out.note(f"So far: {_so_far(tally)}. {HOW_TO_GO_ON}")
        raise
    raise LeadqError(f"interrupted; so far: {_so_far(tally)}", hint=HOW_TO_GO_ON)


def _so_far(tally: Tally) -> str:
    return f"{_leads(tally.created)} created, {tally.skipped} skipped, {tally.rejected} rejected"


def _tell_how_it_is_read(app: App, source: Source, columns: Columns) -> None:
    from leadq.lead_import.columns import told

    remark = f" ({source.encoding.remark})" if source.encoding.remark else ""
    app.out.note(f"Read as {source.encoding.name}{remark}, with {source.delimiter_name} between the fields.")
    if columns.ignored:
        app.out.note(f"Ignored columns: {told(columns.ignored)}.")


def _tell_what_is_left_to_do(app: App, tally: Tally, *, dry_run: bool) -> None:
    if tally.batch_id is not None:
        app.out.note(f"The jobs are batch {tally.batch_id}.")
    if tally.unassigned:
        what = "would have nobody who is told" if dry_run else "have nobody who is told"
        app.out.warn(
            f"there is no active user, so {_leads(tally.unassigned)} {what}. Assign each with: "
            "leadq lead assign ID USER (see: leadq user list)"
        )
    if tally.batch_id is not None and app.settings.queue_connection == "sync":
        app.out.warn(
            "QUEUE_CONNECTION=sync: an import's jobs wait all the same. Send with: leadq work --stop-when-empty"
        )


def _leads(count: int) -> str:
    return f"{count} lead" if count == 1 else f"{count} leads"
