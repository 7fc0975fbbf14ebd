"""Following one job through its life, and running it here where nobody else would."""

from __future__ import annotations

import time

from leadq.app import App
from leadq.dispatching import DispatchedJob
from leadq.output.times import age
from leadq.store.claims import CONNECTION
from leadq.store.records import StoredJob

GLANCE_SECONDS = 0.1


def follow(app: App, job: DispatchedJob) -> None:
    """Returns once the job is done or failed, and remarks on each change meanwhile."""
    told = ""
    while True:
        row = app.store.jobs.by_uuid(job.uuid)
        if row is None:
            return
        if not _has_worker(app, job.queue):
            if row.reserved_at is None:
                app.out.note(f"No worker is running on the queue {job.queue}, so it is sent right here.")
                run_here(app, row)
                return
            app.release_orphans()
        elif row.reserved_at is None and _is_paused(app, job.queue):
            app.out.note(f"The queue {job.queue} is paused, so it is sent right here.")
            run_here(app, row)
            return
        state = _state(row)
        if state != told:
            app.out.note(f"Job {row.id} {state}")
            told = state
        time.sleep(GLANCE_SECONDS)


def run_here(app: App, job: StoredJob) -> None:
    """Gives the job its last attempt in this process, unless a worker has just taken it."""
    with app.inline_runner(tries=job.attempts + 1) as runner:
        claimed = runner.claim(job.id, connection=CONNECTION)
        if claimed is not None:
            runner.run(claimed)


def _has_worker(app: App, queue: str) -> bool:
    workers = app.store.workers.alive(retry_after=app.settings.retry_after)
    return any(queue in worker.queues for worker in workers)


def _is_paused(app: App, queue: str) -> bool:
    return any(pause.covers(queue) for pause in app.store.control.pauses())


def _state(row: StoredJob) -> str:
    if row.reserved_at is not None:
        return f"is running, attempt {row.attempts}"
    if row.attempts:
        return f"waits after attempt {row.attempts}, next one {age(row.available_at)}"
    return "waits"
