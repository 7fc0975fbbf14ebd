"""The queue: workers alive, jobs that nobody takes, mail that is held, what has failed of late."""

from __future__ import annotations

from itertools import takewhile

from leadq.clock import iso
from leadq.counting import counted
from leadq.doctor.check import Finding, Step, fail, ok, typed, warn
from leadq.doctor.database import DatabaseArea
from leadq.doctor.settings import HomeSettings
from leadq.monitoring import CONFIG_ERROR
from leadq.settings_values import default_of
from leadq.store.records import Backlog, WorkerRecord
from leadq.store.store import Store

LONG_SECONDS = 15 * 60  # as long as `leadq monitor` bears
HOUR = 3600
MOST_FAILURES = 1000  # that are looked at


class QueueArea:
    """The checks of the queue, over the connection of the database's."""

    def __init__(self, settings: HomeSettings, database: DatabaseArea) -> None:
        self._settings = settings
        self._database = database

    def steps(self) -> list[Step]:
        """The checks."""
        return [
            Step("workers", self._workers),
            Step("interrupted jobs", self._interrupted),
            Step("waiting jobs", self._waiting),
            Step("mail outage", self._outage),
            Step("failed jobs", self._failed),
        ]

    @property
    def _store(self) -> Store:
        return self._database.store

    @property
    def _retry_after(self) -> int:
        whole = self._settings.whole
        return whole.retry_after if whole else int(default_of("DB_QUEUE_RETRY_AFTER"))

    @property
    def _is_sync(self) -> bool:
        whole = self._settings.whole
        return whole is not None and whole.queue_connection == "sync"

    def _alive(self) -> list[WorkerRecord]:
        return self._store.workers.serving(retry_after=self._retry_after)

    # --- workers -----------------------------------------------------------------------------------

    def _workers(self) -> Finding:
        alive = self._alive()
        gone = self._store.workers.gone(retry_after=self._retry_after)
        if gone:
            beside = f"{counted(len(alive), 'worker')} alive" if alive else "no worker is alive"
            remedy = "Workers that run clear that up by themselves." if alive else "Start a worker: leadq work"
            return warn(f"{_listed(gone)}; {beside}", remedy)
        if alive:
            queues = sorted({queue for worker in alive for queue in worker.queues})
            return ok(f"{counted(len(alive), 'worker')} alive, on {', '.join(queues)}")
        if self._is_sync:
            return ok("none is needed (QUEUE_CONNECTION=sync)")
        return warn(
            "no worker is alive; cron may be the worker",
            "Without cron, start one: leadq work. With cron, see that its line runs: leadq work --stop-when-empty",
        )

    # --- jobs that nobody takes --------------------------------------------------------------------

    def _interrupted(self) -> Finding:
        orphaned = self._store.workers.orphaned_jobs(retry_after=self._retry_after)
        if not orphaned:
            return ok("none: every reserved job has a living worker")
        remedy = "A worker that runs takes them up within seconds."
        if not self._alive():
            remedy = "Start a worker, which takes them up: leadq work"
        return warn(f"{counted(orphaned, 'job')} reserved by workers that are gone", remedy)

    def _waiting(self) -> Finding:
        """Whether the jobs that are due are on their way."""
        paused = {pause.queue for pause in self._store.control.pauses()}
        due = self._store.jobs.backlogs()
        backlogs = [one for one in due if paused.isdisjoint({one.queue, None})]
        now = self._store.now()
        if not backlogs:
            return ok(f"paused: {_told(due, now)}" if due else "none is due")
        served = {queue for worker in self._alive() for queue in worker.queues}
        late = [one for one in backlogs if now - one.oldest_due_at > LONG_SECONDS]
        deserted = [one for one in late if one.queue not in served]
        if deserted:
            return fail(
                f"nobody works on {_told(deserted, now)}",
                f"Start a worker: {_worker_on(deserted)}; or see why cron does not run one.",
            )
        if late:
            return warn(
                f"workers are alive and behind: {_told(late, now)}",
                "Look: leadq jobs. Many that wait: more workers, leadq work --processes 4. Few: what does a worker do?",
            )
        unserved = [one for one in backlogs if one.queue not in served]
        if unserved and served:
            remedy = f"Unless cron does: {_worker_on(unserved)}"
            return warn(f"no living worker serves {_told(unserved, now)}", remedy)
        return ok(_told(backlogs, now))

    # --- mail and failures -------------------------------------------------------------------------

    def _outage(self) -> Finding:
        outage = self._store.outages.current()
        if outage is not None:
            held = self._store.outages.held_jobs()
            return fail(
                f"no mail can leave since {iso(outage.since)}: {outage.error}; {counted(held, 'job')} held",
                "Mend what the check `mail` and this error say; held jobs then run by themselves.",
            )
        error = self._store.jobs.newest_error(ending=CONFIG_ERROR)
        if error is not None:
            return warn(f"a job waits for another attempt after: {error}", "See the check `mail`, and: leadq jobs")
        return ok("none: no job is held")

    def _failed(self) -> Finding:
        from leadq.causes import causes_of

        now = self._store.now()
        summaries, total = self._store.failed.listing(limit=MOST_FAILURES)
        recent = list(takewhile(lambda one: now - one.failed_at <= HOUR, summaries))
        if not recent:
            return ok(f"none in the last hour, {total:,} in all")
        causes = causes_of(recent, now=now)
        settings_first = sorted(causes, key=lambda cause: not cause.error.endswith(CONFIG_ERROR))
        many = "or more " if len(recent) == MOST_FAILURES else ""
        return warn(
            f"{len(recent):,} {many}in the last hour, {total:,} in all; {counted(settings_first[0].count, 'time')}: "
            f"{settings_first[0].error}",
            "Look: leadq failed --group. Once it is mended: leadq retry all",
        )


def _worker_on(backlogs: list[Backlog]) -> str:
    return typed("leadq", "work", "--queue", ",".join(one.queue for one in backlogs))


def _told(backlogs: list[Backlog], now: int) -> str:
    return "; ".join(
        f"{one.queue}: {one.pending:,} due, the oldest for {_span(now - one.oldest_due_at)}" for one in backlogs
    )


def _span(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _listed(texts: list[str], *, most: int = 3) -> str:
    more = [f"{len(texts) - most} more"] if len(texts) > most else []
    return "; ".join(texts[:most] + more)
