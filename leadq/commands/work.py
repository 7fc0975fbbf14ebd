"""`leadq work`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import QUEUE_LIST, SECONDS, SECONDS_LIST, example, json_option, pass_app
from leadq.worker.options import RetryPolicy, WorkerOptions

if TYPE_CHECKING:
    from leadq.worker.events import WorkerEvent
    from leadq.worker.loop import Report, Stop
    from leadq.worker.stop import StopRequest


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
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, show_default=True, help="Run so many workers at once."
)
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
    processes: int,
    name: str,
) -> None:
    """Run the jobs that are due.

    A job's own tries, timeout and backoff beat the flags. SIGTERM, SIGINT, SIGQUIT and SIGHUP end the
    worker after the current job; a second one at once, and then the job is put back.
    """
    from leadq.text import one_line

    if once and processes > 1:
        raise click.UsageError("--once runs one job, so it cannot be combined with --processes.")
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
    exit_code = _work(app, options, processes)
    if exit_code:
        raise click.exceptions.Exit(exit_code)


def _work(app: App, options: WorkerOptions, processes: int) -> int:
    from leadq.errors import LeadqError
    from leadq.failures import report_failure
    from leadq.worker.loop import RESTART, Worker
    from leadq.worker.parent import ENDED_FOR_RESTART, Parent
    from leadq.worker.stop import StopRequest

    app.start_logging()
    report = _reporter(app)
    last_words = app.last_words()
    restart_signal = 0

    def work(stop: StopRequest, options: WorkerOptions) -> Stop:
        return Worker(
            store=app.store,
            executor=app.executor(options.retry, last_words, stop.breakable),
            options=options,
            stop=stop,
            last_words=last_words,
            restart_signal=restart_signal,
            report=report,
        ).run()

    def work_as_child(number: int, parent: int) -> int:
        with StopRequest(parent=parent) as stop:
            try:
                end = work(stop, replace(options, name=f"{options.name}-{number}"))
                return ENDED_FOR_RESTART if end.reason == RESTART else end.exit_code
            except Exception as error:  # noqa: BLE001 - this is a process's end, and it must not be a silent one
                app.log_error("Worker ended", error=str(error))
                return report_failure(app, error)

    try:
        with StopRequest() as stop:
            app.load_jobs()  # before anything: what the application has to say may concern the database, too
            restart_signal = app.store.control.restart_signal()  # a child that is started later goes by this one, too
            if processes > 1 or not (options.once or options.stop_when_empty):
                app.load_ahead()
            if processes == 1:
                return work(stop, options).exit_code
            app.executor(options.retry, last_words)  # what is wrong is told once, and what is loaded is shared
            app.store.workers.unregister(0)  # nobody's: it tells here, and once, whether the store can be written
            app.store.close()
            return Parent(count=processes, work=work_as_child, report=report, stop=stop).run()
    except LeadqError as error:
        app.log_error("Worker ended", error=error.message)
        raise


def _reporter(app: App) -> Report:
    from leadq.output.worker_lines import json_reporter, text_reporter
    from leadq.worker.log_reporter import report_to_log

    reporters: list[Report] = [report_to_log]
    if app.out.as_json:
        reporters.append(json_reporter())
    elif not app.out.quiet:
        reporters.append(text_reporter(timezone=app.settings.timezone, verbose=app.verbose))

    def report(event: WorkerEvent) -> None:
        for reporter in reporters:
            reporter(event)

    return report
