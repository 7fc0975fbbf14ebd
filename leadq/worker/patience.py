"""What a worker does while the store cannot be used: it waits, with growing pauses, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from leadq.errors import StoreError
from leadq.store.store import Store
from leadq.worker import events
from leadq.worker.stop import StopRequest

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Patience:
    """Calls the store until it answers.

    Args:
        store: its connection is dropped after each failure.
        stop: cuts a pause short.
        report: told of each failure and of the recovery.
    """

    def __init__(self, store: Store, stop: StopRequest, report: Callable[[events.WorkerEvent], None]) -> None:
        self._store = store
        self._stop = stop
        self._report = report

    def call(
        self,
        function: Callable[[], T],
        *,
        give_up: Callable[[], bool] = lambda: False,
        before_retry: Callable[[], None] = lambda: None,
    ) -> T:
        """`function()`, again and again while the store is in trouble.

        Args:
            function: what is to be done; it may be done again from its beginning.
            give_up: asked after each failure.
            before_retry: called before each further try. A commit may have been made although its answer
                was lost: this is where its traces are removed.

        Raises:
            StoreError: the store is in trouble, and `give_up()` says not to wait.
        """
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        failures = 0
        while True:
            try:
                if failures:
                    before_retry()
                result = function()
            except StoreError as error:
                failures += 1
                self._store.reset()
                if give_up():
                    raise
                self._report(events.StoreTroubled(error=str(error), pause_seconds=pause))
            else:
                if failures:
                    self._report(events.StoreRecovered(after_seconds=time.monotonic() - began))
                return result
            self._wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _wait(self, seconds: float) -> None:
        if self._stop.requested:  # what is waited for now is a record: there is nothing to cut short
            time.sleep(seconds)
            return
        until = time.monotonic() + seconds
        while not self._stop.requested and (left := until - time.monotonic()) > 0:
            self._stop.sleep(left)
