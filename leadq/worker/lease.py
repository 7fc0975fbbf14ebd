"""The lease: a worker says that it lives, and looks after the jobs of those that do not."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from leadq.errors import StoreError
from leadq.store.store import Store

SWEEP_SECONDS = 5
BEATS_A_LEASE = 6  # so many beats may fail before anybody takes the worker for dead


class Lease:
    """A worker's registration, while it is entered. Its beat runs in a thread, so a long job does not stop it.

    Args:
        store: where.
        name: the worker's.
        queues: those that it works on.
        retry_after: seconds without a beat after which other hosts take it for dead.
    """

    def __init__(self, store: Store, *, name: str, queues: Sequence[str], retry_after: int) -> None:
        self._store = store
        self._name = name
        self._queues = tuple(queues)
        self._retry_after = retry_after
        self._next_sweep = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="leadq-beat", daemon=True)
        self.worker_id = 0

    def __enter__(self) -> Lease:
        self.worker_id = self._store.workers.register(name=self._name, queues=self._queues)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        with contextlib.suppress(StoreError):  # the row of a process that is gone is swept in any case
            self._store.workers.unregister(self.worker_id)

    def sweep_when_due(self) -> list[str]:
        """Every few seconds, releases the jobs of workers that are gone, and returns their uuids."""
        if time.monotonic() < self._next_sweep:
            return []
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        return self._store.workers.release_orphans(retry_after=self._retry_after)

    def seconds_until_sweep(self) -> float:
        """How long an idle worker may sleep before it has to look after others."""
        return max(0.0, self._next_sweep - time.monotonic())

    def _beat(self) -> None:
        try:
            while not self._over.wait(self._retry_after / BEATS_A_LEASE):
                with contextlib.suppress(StoreError):  # the next beat may succeed; the worker itself reports trouble
                    self._store.workers.beat(self.worker_id, name=self._name, queues=self._queues)
        finally:
            self._store.close()
