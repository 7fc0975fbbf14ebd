"""`leadq work`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, SECONDS, SECONDS_LIST, example, json_option, pass_app
from leadq.worker.options import RetryPolicy, WorkerOptions


@click.command(
    epilog=example("leadq work", "leadq work --once", "leadq work --queue high,default --tries 5 --backoff 30s,5m,1h")
)
@click.option("--once", is_flag=True, help="End after one job, or at once where none is due.")
@click.option("--queue", "queues", type=QUEUE_LIST, help="These queues, the first one first.  [default: DB_QUEUE]")
@click.option(
    "--tries", type=click.IntRange(min=0), default=3, show_default=True, help="Attempts a job gets; 0: no end."
)
@click.option(
    "--timeout", type=SECONDS, default=60, show_default=True, help="How long one attempt may take; 0: no limit."
)
@click.option("--sleep", type=SECONDS, default=3, show_default=True, help="The longest wait between two looks.")
@click.option(
    "--backoff",
    type=SECONDS_LIST,
    default=(60, 360),
    show_default="60,360",
    help="Waits before the second attempt, the third …; the last one repeats.",
)
@click.option("--rest", type=SECONDS, default=0, show_default=True, help="The wait after each job.")
@click.option("--max-jobs", type=click.IntRange(min=0), default=0, help="End after so many jobs.")
@click.option("--max-time", type=SECONDS, default=0, help="End after so long.")
@click.option(
    "--memory",
    type=click.IntRange(min=0),
    default=128,
    show_default=True,
    help="End (exit 12) over so many MB; 0: no limit.",
)
@click.option("--stop-when-empty", is_flag=True, help="End where no job is due.")
@click.option("--name", default="default", show_default=True, help="The worker's name in lists and logs.")
@json_option
@pass_app
def command(
    app: App,
    once: bool,
    queues: tuple[str, ...] | None,
    tries: int,
    timeout: float,
    sleep: float,
    backoff: tuple[float, ...],
    rest: float,
    max_jobs: int,
    max_time: float,
    memory: int,
    stop_when_empty: bool,
    name: str,
) -> None:
    """Run the jobs that are due.

    A job's own tries, timeout and backoff beat the flags. SIGTERM, SIGINT and SIGQUIT end the worker after
    the current job; a second one at once, and then the job is put back.
    """
    from leadq.text import one_line

    options = WorkerOptions(
        queues=queues or (app.settings.default_queue,),
        name=one_line(name, limit=100) or "default",
        retry=RetryPolicy(tries=tries, timeout=timeout, backoff=backoff),
        once=once,
        stop_when_empty=stop_when_empty,
        sleep=sleep,
        rest=rest,
        max_jobs=max_jobs,
        max_time=max_time,
        memory_mb=memory,
        retry_after=app.settings.retry_after,
    )
    exit_code = _work(app, options)
    if exit_code:
        raise click.exceptions.Exit(exit_code)


def _work(app: App, options: WorkerOptions) -> int:
    from leadq.errors import LeadqError
    from leadq.output.worker_lines import json_reporter, text_reporter
    from leadq.worker.events import WorkerEvent
    from leadq.worker.log_reporter import report_to_log
    from leadq.worker.loop import Report, Worker
    from leadq.worker.stop import StopRequest

    app.start_logging()
    reporters: list[Report] = [report_to_log]
    if app.out.as_json:
        reporters.append(json_reporter())
    elif not app.out.quiet:
        reporters.append(text_reporter(timezone=app.settings.timezone, verbose=app.verbose))

    def report(event: WorkerEvent) -> None:
        for reporter in reporters:
            reporter(event)

    try:
        with StopRequest() as stop:
            executor = app.executor(options.retry, stop.breakable)
            return Worker(store=app.store, executor=executor, options=options, stop=stop, report=report).run()
    except LeadqError as error:
        app.log_error("Worker ended", error=error.message)
        raise
