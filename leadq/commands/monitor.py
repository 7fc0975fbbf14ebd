"""`leadq monitor`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, SECONDS, example, json_option, pass_app

if TYPE_CHECKING:
    from leadq.monitoring import Report

REFRESH_SECONDS = 1.0


@click.command(
    epilog=example(
        "leadq monitor",
        "leadq monitor high,default --max 500 --max-age 5m",
        "leadq monitor --watch",
        "leadq monitor --format prometheus > leadq.prom.new && mv leadq.prom.new /var/lib/node_exporter/leadq.prom",
    )
)
@click.argument("queues", metavar="[QUEUES]", required=False, type=QUEUE_LIST)
@click.option(
    "--max", "most_pending", type=click.IntRange(1), default=1000, show_default=True, help="ALERT from so many pending."
)
@click.option(
    "--max-age", type=SECONDS, default="15m", show_default=True, help="ALERT where a pending job has been due longer."
)
@click.option("--max-failed", type=click.IntRange(0), help="ALERT where more have failed.  [default: no limit]")
@click.option("--watch", is_flag=True, help="Show it anew each second, until Ctrl-C.")
@click.option("--format", "format_", type=click.Choice(["prometheus"]), help="Print metrics; exit 0 then.")
@json_option
@pass_app
def command(
    app: App,
    queues: tuple[str, ...] | None,
    most_pending: int,
    max_age: float,
    max_failed: int | None,
    watch: bool,
    format_: str | None,
) -> None:
    """See at one look what waits, who works, and what is wrong.

    ALERT, with exit code 1, where a queue has too many pending jobs, one that has been due for too long, or too many
    failed ones, and while no mail can leave. All queues unless some are named. Rates are those of the last five full
    minutes and the current one.
    """
    if watch and (app.out.as_json or format_):
        raise click.UsageError("--watch is for people: it cannot be combined with --json or --format.")
    if app.out.as_json and format_:
        raise click.UsageError("--json and --format exclude each other.")
    from leadq.monitoring import Limits, Status, look

    limits = Limits(pending=most_pending, age_seconds=max_age, failed=max_failed)

    def look_now() -> Report:
        return look(
            app.store,
            queues=queues or (),
            limits=limits,
            default_queue=app.settings.default_queue,
            retry_after=app.settings.retry_after,
        )

    if watch:
        _watch(app, look_now)
        return
    report = look_now()
    if format_:
        from leadq.output.prometheus import exposition

        for line in exposition(report):
            app.out.line(line)
        return
    _show(app, report)
    if report.status is Status.ALERT:
        raise click.exceptions.Exit(1)


def _show(app: App, report: Report) -> None:
    if app.out.as_json:
        from leadq.output.documents import report_document

        app.out.document(report_document(report))
        return
    from leadq.output.monitor import report_lines
    from leadq.output.screen import print_lines

    zone = app.settings.timezone
    print_lines(lambda width, height: report_lines(report, zone_name=zone, width=width, height=height))


def _watch(app: App, look_now: Callable[[], Report]) -> None:
    from leadq.errors import StoreError
    from leadq.output.monitor import report_lines, trouble_lines
    from leadq.output.screen import Lines, frames
    from leadq.worker.stop import StopNow, StopRequest

    zone = app.settings.timezone

    def next_frame() -> Lines:
        try:
            app.store.change_counter()  # a file that was replaced is noticed
            report = look_now()
        except StoreError as error:
            app.store.reset()
            message, hint, at = error.message, error.hint, time.time()
            return lambda width, _: trouble_lines(message, hint, at=at, zone_name=zone, width=width)
        return lambda width, height: report_lines(report, zone_name=zone, width=width, height=height)

    look_now()  # what is wrong from the start is an error
    with StopRequest() as stop, frames() as show:
        while not stop.requested:
            due = time.monotonic() + REFRESH_SECONDS
            try:
                with stop.breakable():  # a server that hangs keeps nobody who presses Ctrl-C twice
                    lines = next_frame()
            except StopNow:
                return
            show(lines)
            stop.sleep(due - time.monotonic())
