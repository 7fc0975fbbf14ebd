"""`leadq failed`."""

from __future__ import annotations

import json
from typing import Any

import click

from leadq.app import App
from leadq.commands.causes import print_causes
from leadq.commands.failed_filters import failed_filter, filter_options, narrows, refuse_with_ids
from leadq.commands.options import LIMIT, example, json_option, pass_app

PAGE = 50


@click.command(
    epilog=example(
        "leadq failed",
        "leadq failed --group",
        'leadq failed --since 1h --user ana@example.com --error "connection refused"',
        "leadq failed --page 2",
        "leadq failed 17",
    )
)
@click.argument("reference", metavar="[ID]", required=False)
@filter_options
@click.option("--limit", type=LIMIT, help=f"At most so many.  [default: {PAGE}]")
@click.option("--page", type=LIMIT, default=1, show_default=True, help="The next ones: so many pages of --limit on.")
@click.option("--group", is_flag=True, help="One row per cause, the commonest first.")
@json_option
@pass_app
def command(app: App, /, reference: str | None, limit: int | None, page: int, group: bool, **filters: Any) -> None:
    """List the failed jobs.

    The newest first. With --group a row for each cause: how many, since when, whom it touches. With an ID (the
    number, the uuid or the beginning of the uuid) everything about one, the whole exception included.
    """
    if reference is not None:
        refuse_with_ids(filters)
        if group:
            raise click.UsageError("--group and an id exclude each other.")
        _show(app, reference)
    elif group:
        if limit is not None or page != 1:
            raise click.UsageError("--group tells all causes: --limit and --page are for the list.")
        _group(app, filters)
    else:
        _list(app, filters, limit=limit or PAGE, page=page)


def _list(app: App, filters: dict[str, Any], *, limit: int, page: int) -> None:
    from leadq.output.documents import failed_document

    before = (page - 1) * limit
    jobs, total = app.store.failed.listing(failed_filter(app, **filters), limit=limit, offset=before)
    if app.out.as_json:
        app.out.stream([("failed", map(failed_document, jobs)), ("total", total)])
        return
    from leadq.output.times import age

    rows = [
        (d["id"], d["queue"], d["job"], d["lead_id"], d["error"], d["attempts"], age(job.failed_at))
        for job, d in ((job, failed_document(job)) for job in jobs)
    ]
    if not rows:
        app.out.line(_nothing(filters, total))
        return
    app.out.table(("id", "queue", "job", "lead", "error", "attempts", "when"), rows, shrink=("job", "queue", "error"))
    shown = _shown(before, len(rows), total, page)
    app.out.note(f"{shown} One in full: leadq failed ID. Back into the queue: leadq retry ID, or all")


def _nothing(filters: dict[str, Any], total: int) -> str:
    if total:
        return f"No failed jobs on this page; there are {total} in all."
    return "No failed jobs match." if narrows(filters) else "No failed jobs."


def _shown(before: int, count: int, total: int, page: int) -> str:
    if count == total:
        return f"{total} failed."
    which = f"The newest {count}" if page == 1 else f"{before + 1} to {before + count}"
    following = f"next: --page {page + 1}; " if before + count < total else ""
    return f"{which} of {total} failed ({following}by cause: --group)."


def _group(app: App, filters: dict[str, Any]) -> None:
    from leadq.causes import causes_of
    from leadq.output.documents import cause_document

    failed = app.store.failed
    causes = causes_of(failed.summaries(failed.chunks(failed_filter(app, **filters))), now=app.store.now())
    if app.out.as_json:
        app.out.document({"groups": [cause_document(cause) for cause in causes]})
        return
    if not causes:
        app.out.line(_nothing(filters, 0))
        return
    print_causes(app, causes)
    total, number = sum(cause.count for cause in causes), len(causes)
    app.out.note(
        f"{total} failed for {number} {'cause' if number == 1 else 'causes'}. One in full: leadq failed SAMPLE."
        " Back into the queue: leadq retry all --error TEXT"
    )


def _show(app: App, reference: str) -> None:
    from leadq.output.documents import failed_document

    job = app.store.failed.find(reference)
    document = failed_document(job)
    if app.out.as_json:
        app.out.document({**document, "payload": job.payload, "exception": job.exception})
        return
    del document["error"]
    delivery = app.store.deliveries.find(job.uuid)
    if delivery is not None:
        user = app.store.users.get(delivery.user_id)
        document["user"] = f"{user.name} <{user.email}>"
    blocks = {"payload": _pretty(job.payload), "exception": job.exception}
    app.out.facts({**document, **blocks}, blocks=tuple(blocks))
    if delivery is not None:
        from leadq.output.stories import story_lines
        from leadq.stories import story_of_delivery

        app.out.line("story:")
        for line in story_lines(story_of_delivery(app.store, delivery), app.settings.timezone, width=app.out.width):
            app.out.line(line)
    also = f" Its lead: leadq lead show {delivery.lead_id}." if delivery is not None else ""
    app.out.note(f"Back into its queue: leadq retry {job.id}. Given up for good: leadq forget {job.id}.{also}")


def _pretty(payload: str) -> str:
    """A payload line by line where it is JSON, else as it is."""
    from leadq.text import escaped

    try:
        return escaped(json.dumps(json.loads(payload), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return payload
