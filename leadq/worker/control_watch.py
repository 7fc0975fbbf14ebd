"""A worker's eye on what it is told through the database: which queues are paused, and to end for a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from leadq.store.records import Pause
from leadq.store.store import Store
from leadq.worker import events

LOOK_SECONDS = 1.0
IDLE_LOOK_SECONDS = 3.0  # … of a worker that waits for jobs: before it takes one it looks all the same


class ControlWatch:
    """Looks at most once a second, with one query.

    Args:
        store: where it is kept.
        queues: those that the worker works on, in their order.
        restart_signal: the store's when the worker started; another one means to end.
        report: told when one of the queues is paused, and when it is resumed.

    Attributes:
        open_queues: those that are not paused, in their order.
        restart_asked: whether the worker should end.
    """

    def __init__(
        self,
        store: Store,
        *,
        queues: Sequence[str],
        restart_signal: int,
        report: Callable[[events.WorkerEvent], None],
    ) -> None:
        self.open_queues = tuple(queues)
        self.restart_asked = False
        self._store = store
        self._queues = tuple(queues)
        self._restart_signal = restart_signal
        self._report = report
        self._paused: dict[str, Pause] = {}
        self._looked_at = -LOOK_SECONDS

    @property
    def wants_a_look(self) -> bool:
        """Whether the worker should look before it takes its next job."""
        return time.monotonic() >= self._looked_at + LOOK_SECONDS

    def finds_news(self) -> bool:
        """Looks now and then for a worker that waits for jobs, and returns whether something has changed for it."""
        if time.monotonic() < self._looked_at + (LOOK_SECONDS if self._paused else IDLE_LOOK_SECONDS):
            return False
        before = self.open_queues, self.restart_asked
        self.look()
        return before != (self.open_queues, self.restart_asked)

    def look(self) -> None:
        """Looks, where it wants to."""
        if not self.wants_a_look:
            return
        orders = self._store.control.orders()
        self._looked_at = time.monotonic()
        self.restart_asked = orders.restart_signal != self._restart_signal
        paused = {queue: pause for queue in self._queues for pause in orders.pauses if pause.covers(queue)}
        for queue in self._queues:
            if queue in paused and queue not in self._paused:
                self._report(events.QueuePaused(queue=queue, pause=paused[queue]))
            elif queue in self._paused and queue not in paused:
                self._report(events.QueueResumed(queue=queue))
        self._paused = paused
        self.open_queues = tuple(queue for queue in self._queues if queue not in paused)
