"""The lease: a worker says that it lives, and looks after the jobs of those that do not."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from leadq.errors import StoreError
from leadq.store.records import Orphan
from leadq.store.store import Store
from leadq.threads import start_unsignalled
from leadq.worker.last_words import LastWords
from leadq.worker.tally import Tally

SWEEP_SECONDS = 3.0  # a worker that died on this host is noticed within 5 s, a busy machine allowed for
BEATS_A_LEASE = 6  # so many beats may fail before anybody takes the worker for dead
LONGEST_BEAT_SECONDS = 15.0
BUSY_BEAT_SECONDS = 5.0  # … while there are jobs to tell of: so old may the numbers be that `monitor` shows
END_SECONDS = 5.0  # for so long the thread may keep the worker from ending: it may wait for a server that hangs

_log = logging.getLogger("leadq.worker")


class Lease:
    """A worker's registration, while it is entered.

    Its beat and its sweep run in a thread of their own: neither a long job nor a long queue stops them. Only C code
    that keeps Python's interpreter lock does; it is ended at its timeout, so that should be below `retry_after`.

    Args:
        store: where.
        name: the worker's.
        queues: those that it works on.
        retry_after: seconds without a beat after which others take it for dead.
        last_words: where workers of this host leave word of their end.
        told: called with the jobs that were released because their workers are gone; from the thread, too.
        tally: what the worker has done, which the beat writes.
        paused: whether a signal has paused the worker.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        queues: Sequence[str],
        retry_after: int,
        last_words: LastWords,
        told: Callable[[list[Orphan]], None],
        tally: Tally,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._name = name
        self._queues = tuple(queues)
        self._retry_after = retry_after
        self._last_words = last_words
        self._told = told
        self._tally = tally
        self._paused = paused
        self._beat_seconds = min(retry_after / BEATS_A_LEASE, LONGEST_BEAT_SECONDS)
        self._judge_silence_from = 0.0
        self._beat_at = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="leadq-lease", daemon=True)
        self.worker_id = 0

    def __enter__(self) -> Lease:
        self._beat_at = self._store.now()
        self._sweep()
        self.worker_id = self._store.workers.register(name=self._name, queues=self._queues)
        self._last_words.open(self.worker_id)
        start_unsignalled(self._thread)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(END_SECONDS)
        self._last_words.close()
        with contextlib.suppress(StoreError):  # the row of a process that is gone is swept in any case
            self._store.workers.unregister(self.worker_id, self._tally.news(self._store.now()))

    def _look_after(self) -> None:
        last_beat = time.monotonic()
        next_sweep = time.monotonic() + SWEEP_SECONDS
        try:
            while not self._over.wait(max(0.0, min(last_beat + self._pause, next_sweep) - time.monotonic())):
                now = time.monotonic()
                try:
                    if now >= last_beat + self._pause:
                        last_beat = now
                        self._beat()
                    if now >= next_sweep:
                        next_sweep = now + SWEEP_SECONDS
                        self._sweep()
                except Exception as error:  # noqa: BLE001 - a worker whose beat has ended would be taken for dead
                    if not isinstance(error, StoreError):  # the worker itself meets that, too, and reports it
                        _log.exception("The worker's beat has met an error")
                    self._distrust_silence()
                    self._store.reset()
        finally:
            self._store.close()

    @property
    def _pause(self) -> float:
        return min(self._beat_seconds, BUSY_BEAT_SECONDS) if self._tally.has_news else self._beat_seconds

    def _beat(self) -> None:
        now = self._store.now()
        news = self._tally.news(now, paused=self._paused())
        self._store.workers.beat(self.worker_id, name=self._name, queues=self._queues, news=news)
        self._tally.written(now)
        seen_at = self._store.now()
        self._distrust_silence_if_late_ourselves(seen_at)
        self._beat_at = seen_at

    def _sweep(self) -> None:
        now = self._store.now()
        self._distrust_silence_if_late_ourselves(now)
        patience = self._retry_after if time.monotonic() >= self._judge_silence_from else None
        orphans = self._store.workers.release_orphans(retry_after=patience, last_words=self._last_words.of, now=now)
        if orphans:
            self._told(orphans)

    def _distrust_silence_if_late_ourselves(self, now: int) -> None:
        """The host slept, the clock jumped, or the database was locked: then the others are late for that, too."""
        if now - self._beat_at > 2 * self._beat_seconds + 1:
            self._distrust_silence()

    def _distrust_silence(self) -> None:
        """Gives the others time for a beat once the store is back: they could not say that they live either."""
        self._judge_silence_from = time.monotonic() + 2 * self._beat_seconds + self._retry_after / BEATS_A_LEASE
