"""Workers: who they are, whether they live, and what becomes of the jobs of those that do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from peewee import Value

from leadq.processes import ProcessIdentity, this_process
from leadq.store.deliveries import Deliveries
from leadq.store.jobs import RESERVED, UNSEEN
from leadq.store.metrics import Metrics
from leadq.store.prepared import Prepared
from leadq.store.records import ClaimedJob, Orphan, WorkerNews, WorkerRecord
from leadq.store.session import Session, in_transaction
from leadq.store.tables import COLUMNS

NO_NEWS = WorkerNews()

LastWords = Callable[[WorkerRecord], str | None]


class Workers:
    """The rows of `workers`."""

    def __init__(self, session: Session, deliveries: Deliveries, metrics: Metrics) -> None:
        self._session = session
        self._rows = session.tables.workers
        self._jobs = session.tables.jobs
        self._deliveries = deliveries
        self._metrics = metrics

    @in_transaction
    def register(self, *, name: str, queues: Sequence[str]) -> int:
        """Enters this process and returns its worker id, which is never used again."""
        worker_id: int = self._rows.insert(**self._this_worker(name, queues)).execute()
        return worker_id

    @in_transaction
    def beat(self, worker_id: int, *, name: str, queues: Sequence[str], news: WorkerNews = NO_NEWS) -> None:
        """Says that a worker lives, and what it does; enters it again where somebody has taken it for dead."""
        told = {"done": news.done, "failed": news.failed, "paused": int(news.paused)}
        seen = self._rows.update(seen_at=self._session.now(), **told).where(self._rows.id == worker_id).execute()
        if not seen:
            self._rows.insert(id=worker_id, **self._this_worker(name, queues), **told).execute()
        self._metrics.record(worker_id, news.minutes)

    @in_transaction
    def unregister(self, worker_id: int, news: WorkerNews = NO_NEWS) -> None:
        """Takes a worker's row away. Jobs that it still holds are orphans from now on."""
        self._metrics.record(worker_id, news.minutes)
        self._rows.delete().where(self._rows.id == worker_id).execute()

    def alive(self, *, retry_after: int) -> list[WorkerRecord]:
        """The workers that live.

        Args:
            retry_after: seconds without a beat after which one is taken for dead.
        """
        return [worker for worker, is_alive in self.listing(retry_after=retry_after) if is_alive]

    def serving(self, *, retry_after: int) -> list[WorkerRecord]:
        """Those of them that work on queues: a command that runs one job itself has a row, too, and no queues."""
        return [worker for worker in self.alive(retry_after=retry_after) if worker.queues]

    def listing(self, *, retry_after: int) -> list[tuple[WorkerRecord, bool]]:
        """Every worker that is entered, and whether it lives: one that was killed stays until somebody sweeps.

        Args:
            retry_after: see `alive`.
        """
        with self._session.reading():
            now = self._session.now()
            return [(worker, _why_gone(worker, retry_after, now) is None) for worker in self._all()]

    def gone(self, *, retry_after: int) -> list[str]:
        """Who is entered and does not live: a worker's name and what is known of it, each.

        Args:
            retry_after: see `alive`.
        """
        with self._session.reading():
            now, up_since = self._session.now(), self._session.up_since()
            reasons = (_why_gone(worker, retry_after, now, up_since) for worker in self._all())
            return [reason for reason in reasons if reason is not None]

    def orphaned_jobs(self, *, retry_after: int) -> int:
        """How many jobs are held by workers that are gone.

        Args:
            retry_after: see `alive`.
        """
        jobs = self._jobs
        with self._session.reading():
            suspects = self._suspects(retry_after, self._session.now(), self._session.up_since())
            held = (jobs.stage == RESERVED) & jobs.worker_id.in_(list(suspects))
            count: int = jobs.select().where(held).count()
        return count

    def release_orphans(
        self, *, retry_after: int | None, last_words: LastWords, now: int | None = None
    ) -> list[Orphan]:
        """Makes the jobs of workers that are gone due again. The attempt that was broken off counts.

        Takes no write lock where there are none.

        Args:
            retry_after: seconds without a beat after which a worker is taken for dead: one on another host,
                which cannot be asked, or one that was stopped; None takes nobody for dead for that. One on
                this host whose process is gone is known to be dead at once.
            last_words: what is known of the end of a worker of this host.
            now: by this time silence is judged; the present one if None. A clock may jump after the caller has
                looked at it.
        """
        now = self._session.now() if now is None else now
        with self._session.reading():
            suspects = self._suspects(retry_after, now)
            if not suspects:
                return []
            up_since = self._session.up_since()
            suspects = self._suspects(retry_after, now, up_since)
        orphans: list[Orphan] = []
        for worker_id, worker in suspects.items():
            words = last_words(worker) if worker is not None else None
            orphans += self._release_jobs_if_gone(worker_id, retry_after, now, up_since, words)
        return orphans

    @in_transaction
    def release_strays(self, worker_id: int, *, running: ClaimedJob | None = None) -> None:
        """Gives back what a living worker holds without knowing: the answer to its claim was lost on the way.

        Args:
            worker_id: the worker.
            running: the one attempt that it does know of. A further attempt at the same job is a stray, too.
        """
        jobs = self._jobs
        strays = jobs.id.in_(self._ids_held_by(worker_id)) & (jobs.worker_id == worker_id)
        if running is not None:
            strays &= (jobs.id != running.id) | (jobs.attempts != running.attempts)
        jobs.update(
            stage=UNSEEN,
            reserved_at=None,
            worker_id=None,
            attempts=jobs.attempts - 1,
            available_at=self._session.now(),
        ).where(strays).execute()

    def _suspects(self, retry_after: int | None, now: int, up_since: int = 0) -> dict[int, WorkerRecord | None]:
        """The workers that seem gone: those that have a row, and those that merely hold jobs."""
        suspects: dict[int, WorkerRecord | None] = {}
        for row in self._all_and_unknown.rows():
            worker_id, name, *_ = row
            worker = None if name is None else _worker(dict(zip(COLUMNS["workers"], row, strict=True)))
            if worker is None or _why_gone(worker, retry_after, now, up_since):
                suspects[worker_id] = worker
        return suspects

    @cached_property
    def _all_and_unknown(self) -> Prepared:
        # in one query: an idle worker asks it every few seconds
        rows, jobs = self._rows, self._jobs.alias("held")
        known = rows.select(*[getattr(rows, column) for column in COLUMNS["workers"]])
        holds = (jobs.stage == RESERVED) & jobs.worker_id.not_in(rows.select(rows.id))
        nothing = [Value(None)] * (len(COLUMNS["workers"]) - 1)
        return self._session.prepare(known + jobs.select(jobs.worker_id, *nothing).where(holds))

    @in_transaction
    def _release_jobs_if_gone(
        self, worker_id: int, retry_after: int | None, now: int, up_since: int, last_words: str | None
    ) -> list[Orphan]:
        """Looks once more, now that nobody can change it: the worker may have been late with its beat."""
        rows = self._session.locking(self._rows.select().where(self._rows.id == worker_id))
        worker = next((_worker(row) for row in rows.dicts()), None)
        why = _why_gone(worker, retry_after, now, up_since) if worker else "its worker is unknown"
        if why is None:
            return []
        return self._release_jobs_of(worker_id, f"{why}: {last_words}" if last_words else why)

    def _release_jobs_of(self, worker_id: int, reason: str) -> list[Orphan]:
        jobs = self._jobs
        held = jobs.id.in_(self._ids_held_by(worker_id)) & (jobs.worker_id == worker_id)
        orphans = [
            Orphan(uuid=uuid, attempts=attempts, reason=reason)
            for uuid, attempts in self._session.locking(jobs.select(jobs.uuid, jobs.attempts).where(held)).tuples()
        ]
        jobs.update(
            stage=UNSEEN, reserved_at=None, worker_id=None, available_at=self._session.now(), last_error=reason
        ).where(held).execute()
        for orphan in orphans:
            self._deliveries.note_abandoned(orphan.uuid, attempts=orphan.attempts, reason=reason)
        self._rows.delete().where(self._rows.id == worker_id).execute()
        return orphans

    def _ids_held_by(self, worker_id: int) -> list[int]:
        """Found without a lock: a search that locks waits for every reserved row on its way, whoever has locked it."""
        jobs = self._jobs
        held = (jobs.stage == RESERVED) & (jobs.worker_id == worker_id)
        return [job_id for (job_id,) in jobs.select(jobs.id).where(held).tuples()]

    def _all(self) -> list[WorkerRecord]:
        return [_worker(row) for row in self._rows.select().order_by(self._rows.id).dicts()]

    def _this_worker(self, name: str, queues: Sequence[str]) -> dict[str, Any]:
        now, process = self._session.now(), this_process()
        return {
            "name": name,
            "host": process.host,
            "pid": process.pid,
            "pid_space": process.pid_space,
            "pid_started": process.started,
            "queues": ",".join(queues),
            "started_at": now,
            "seen_at": now,
        }


def _why_gone(worker: WorkerRecord, retry_after: int | None, now: int, up_since: int = 0) -> str | None:
    process = worker.process
    who = f"worker {worker.name} (pid {process.pid} on {process.host})"
    if process.can_be_seen() and not process.is_running():
        return f"{who} is gone"
    silence = now - max(worker.seen_at, up_since)
    too_long = retry_after is not None and silence > retry_after  # whole seconds: one may have just begun
    return f"{who} was silent for {silence} s" if too_long else None


def _worker(row: dict[str, Any]) -> WorkerRecord:
    return WorkerRecord(
        id=row["id"],
        name=row["name"],
        process=ProcessIdentity(
            host=row["host"], pid_space=row["pid_space"], pid=row["pid"], started=row["pid_started"]
        ),
        queues=tuple(queue for queue in row["queues"].split(",") if queue),
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        done=row["done"],
        failed=row["failed"],
        paused=bool(row["paused"]),
    )
