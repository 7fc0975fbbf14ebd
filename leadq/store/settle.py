"""The end of an attempt: what happened is recorded in one transaction, by nobody but the claim's owner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from leadq.payload import new_uuid
from leadq.store.batch_counts import BatchCounts
from leadq.store.claims import Claims
from leadq.store.deliveries import Deliveries
from leadq.store.jobs import DUE, HELD, UNSEEN
from leadq.store.outages import Outages
from leadq.store.outcomes import Completed, Failed, GivenBack, Held, Outcome, Released
from leadq.store.prepared import Prepared, Slot
from leadq.store.records import ClaimedJob
from leadq.store.session import Session, in_transaction


class Settlements:
    """Ends attempts."""

    def __init__(
        self,
        session: Session,
        claims: Claims,
        deliveries: Deliveries,
        outages: Outages,
        batch_counts: BatchCounts,
    ) -> None:
        self._session = session
        self._rows = session.tables.jobs
        self._failed = session.tables.failed_jobs
        self._claims = claims
        self._deliveries = deliveries
        self._outages = outages
        self._batch_counts = batch_counts

    @in_transaction
    def settle(self, claimed: ClaimedJob, outcome: Outcome) -> bool:
        """Records how an attempt ended.

        Returns:
            Whether the job was still `claimed`'s. Otherwise its row is left as it is: it belongs to another
            worker now, or is gone. A mail that was accepted is recorded even then.
        """
        owned = self._record(claimed, outcome)
        self._count(claimed, outcome, owned)
        return owned

    @in_transaction
    def settle_and_claim(
        self, claimed: ClaimedJob, outcome: Outcome, queues: Sequence[str]
    ) -> tuple[bool, ClaimedJob | None]:
        """`settle`, and the same worker's next claim in the same transaction: one commit a job."""
        owned = self._record(claimed, outcome)
        _, following = self._claims.claim_along(queues, claimed.worker_id)
        self._count(claimed, outcome, owned)
        return owned, following

    def _record(self, claimed: ClaimedJob, outcome: Outcome) -> bool:
        owned = self._move(claimed, outcome)
        self._deliveries.record(claimed.uuid, attempts=claimed.attempts, outcome=outcome, owned=owned)
        if isinstance(outcome, Held) and outcome.tried:
            self._outages.note_failure(outcome.error, probe=claimed.probe)
        return owned

    def _count(self, claimed: ClaimedJob, outcome: Outcome, owned: bool) -> None:
        """The last statement of its transaction: see BatchCounts."""
        if claimed.batch_id is not None and owned and isinstance(outcome, Completed | Failed):
            self._batch_counts.ended([claimed.batch_id], failed=isinstance(outcome, Failed))

    def _move(self, claimed: ClaimedJob, outcome: Outcome) -> bool:
        match outcome:
            case Completed():
                return self._delete(claimed)
            case Failed():
                priority = self._rows.select(self._rows.priority).where(self._rows.id == claimed.id).scalar()
                if not self._delete(claimed):
                    return False
                self._insert_failed(claimed, outcome, priority)
                return True
            case Released():
                return self._put_back(
                    claimed,
                    attempts=claimed.attempts,
                    delay_seconds=outcome.delay_seconds,
                    last_error=outcome.error,
                )
            case GivenBack():
                return self._put_back(claimed, attempts=claimed.attempts - 1, delay_seconds=outcome.delay_seconds)
            case Held():
                return self._hold(claimed, outcome.error)

    @cached_property
    def _delete_held(self) -> Prepared:
        held = self._held(Slot("id"), Slot("attempts"), Slot("worker"))
        return self._session.prepare(self._rows.delete().where(held))

    def _held(self, job_id: int | Slot, attempts: int | Slot, worker_id: int | Slot) -> Any:
        # a row with a worker is reserved: asked for its stage, too, MariaDB may search all reserved rows, not take this
        # one by its id, and then workers wait for each other
        rows = self._rows
        return (rows.id == job_id) & (rows.attempts == attempts) & (rows.worker_id == worker_id)

    def _delete(self, claimed: ClaimedJob) -> bool:
        return bool(self._delete_held.changed(id=claimed.id, attempts=claimed.attempts, worker=claimed.worker_id))

    def _put_back(self, claimed: ClaimedJob, *, attempts: int, delay_seconds: float, **changes: str) -> bool:
        now = self._session.now()
        available_at = now + math.ceil(delay_seconds)
        changed = self._rows.update(
            stage=UNSEEN if available_at > now else DUE,
            reserved_at=None,
            worker_id=None,
            attempts=attempts,
            available_at=available_at,
            **changes,
        )
        held = self._held(claimed.id, claimed.attempts, claimed.worker_id)
        return bool(changed.where(held).execute())

    def _hold(self, claimed: ClaimedJob, error: str) -> bool:
        held = self._held(claimed.id, claimed.attempts, claimed.worker_id)
        waiting = self._rows.update(
            stage=HELD, reserved_at=None, worker_id=None, attempts=claimed.attempts - 1, last_error=error
        )
        return bool(waiting.where(held).execute())

    def _insert_failed(self, claimed: ClaimedJob, outcome: Failed, priority: int) -> None:
        uuid = claimed.uuid
        if self._failed.select().where(self._failed.uuid == uuid).exists():
            uuid = new_uuid()  # another program used one uuid twice: neither job may be lost for it
        self._failed.insert(
            uuid=uuid,
            connection=claimed.connection,
            queue=claimed.queue,
            payload=claimed.payload,
            exception=outcome.exception,
            failed_at=self._session.now(),
            attempts=claimed.attempts if outcome.ran else claimed.attempts - 1,
            priority=priority,
            batch_id=claimed.batch_id,
        ).execute()
