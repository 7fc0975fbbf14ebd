"""What workers are told through the database, and so on every host: which queues are paused, and to start anew."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from peewee import Value

from leadq.store.prepared import Prepared, Slot
from leadq.store.records import Orders, Pause
from leadq.store.session import Session, in_transaction

ALL_QUEUES = ""  # pauses.queue: no queue is called so
THE_ONE = 1  # restart_signal.id


class Control:
    """The rows of `pauses`, and that of `restart_signal`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pauses = session.tables.pauses
        self._signal = session.tables.restart_signal

    @in_transaction
    def pause(self, queue: str | None, *, until: int | None, reason: str | None) -> None:
        """Has workers pass over a queue. One that is paused already stays so since then; the rest is as said last.

        Args:
            queue: None for all, those included that do not exist yet.
            until: when the pause ends by itself, in UTC seconds of the database's clock; None for never.
            reason: for those who see it.
        """
        pauses, key = self._pauses, _key(queue)
        pauses.delete().where(pauses.until <= self._session.now()).execute()
        begun = pauses.insert(queue=key, since=self._session.now(), until=until, reason=reason)
        begun.on_conflict_ignore().execute()
        pauses.update(until=until, reason=reason).where(pauses.queue == key).execute()

    @in_transaction
    def resume(self, queue: str | None) -> list[Pause]:
        """Ends a queue's own pause; with None every pause, those of single queues included.

        Returns:
            What was paused until now.
        """
        pauses = self._pauses
        chosen = pauses.select(pauses.queue, pauses.since, pauses.until, pauses.reason).order_by(pauses.queue)
        if queue is not None:
            chosen = chosen.where(pauses.queue == _key(queue))
        found = list(self._session.locking(chosen).tuples())
        if found:
            pauses.delete().where(pauses.queue.in_([row[0] for row in found])).execute()
        now = self._session.now()
        return [pause for pause in map(_pause, found) if pause.until is None or pause.until > now]

    def pauses(self) -> list[Pause]:
        """What is paused: first all queues, where they are, then single ones by name."""
        return list(self.orders().pauses)

    @in_transaction
    def restart(self) -> None:
        """Has every worker that runs by now end after its current job."""
        signal = self._signal
        signal.insert(id=THE_ONE, counter=0).on_conflict_ignore().execute()
        signal.update(counter=signal.counter + 1).where(signal.id == THE_ONE).execute()

    def restart_signal(self) -> int:
        """How many restarts there have been: a worker that sees another number than at its start should end."""
        return self.orders().restart_signal

    def orders(self) -> Orders:
        """Pauses and restarts in one query: every worker asks it again and again."""
        with self._session.reading():
            rows = self._orders.rows(now=self._session.now())
        pauses = sorted((_pause(row) for row in rows if row[0] is not None), key=lambda pause: pause.queue or "")
        return Orders(pauses=tuple(pauses), restart_signal=next((row[1] for row in rows if row[0] is None), 0))

    @cached_property
    def _orders(self) -> Prepared:
        pauses, signal, none = self._pauses, self._signal, Value(None)
        lasting: Any = pauses.until.is_null() | (pauses.until > Slot("now"))
        paused = pauses.select(pauses.queue, pauses.since, pauses.until, pauses.reason).where(lasting)
        return self._session.prepare(paused.union_all(signal.select(none, signal.counter, none, none)))


def _key(queue: str | None) -> str:
    return ALL_QUEUES if queue is None else queue


def _pause(row: tuple[Any, ...]) -> Pause:
    queue, since, until, reason = row
    return Pause(queue=None if queue == ALL_QUEUES else queue, since=since, until=until, reason=reason)
