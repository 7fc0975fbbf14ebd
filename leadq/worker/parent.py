"""The parent of several workers: it forks them, replaces those that die, and passes signals on."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from leadq.worker import events
from leadq.worker.loop import Report
from leadq.worker.stop import NOW_SIGNAL, SIGNALS, StopRequest

YOUNG_SECONDS = 10.0  # a child that dies younger than that is replaced after a pause that grows
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LOOK_SECONDS = 0.2
ENDED_BY_ITSELF = 64  # a child's exit code for a good end: 0 is also what a job's own os._exit(0) gives
ENDED_FOR_RESTART = 65  # … and for one after which no child is to be started: the parent's own code is old, too

ChildWork = Callable[[int, int], int]


@dataclass(kw_only=True)
class _Place:
    """One of the places for a child. `pid` is None while nobody holds it; `start_at` is monotonic."""

    number: int
    pid: int | None = None
    started: float = 0.0
    start_at: float = 0.0
    pause: float = 0.0
    over: bool = field(default=False)


class Parent:
    """Keeps `count` workers running until they are told to stop, or have all ended by themselves.

    A child that ends with exit code 0 has reached an end it was given (`--max-jobs`, `--stop-when-empty` …) and
    is not replaced; any other is. One that ends for a restart is the first of all: they notice it by themselves, and
    none is replaced from then on, so that whatever has started the parent starts it with its new code.

    Args:
        count: how many.
        work: called in a child with the number of its place, from 1, and its parent's pid; returns its exit code.
        report: told of each child's death.
        stop: the parent's signals.
    """

    def __init__(self, *, count: int, work: ChildWork, report: Report, stop: StopRequest) -> None:
        self._places = [_Place(number=number) for number in range(1, count + 1)]
        self._work = work
        self._report = report
        self._stop = stop
        self._passed_on = 0
        self._paused = False
        self._restarting = False

    def run(self) -> int:
        """Runs to the end and returns 0: no child is left."""
        gc.collect()
        gc.freeze()  # what is loaded by now is shared with the children, and no collection of theirs unshares it
        while not all(place.over for place in self._places):
            self._pass_signals_on()
            for place in self._places:
                self._bury(place)
            for place in self._places:
                self._fill(place)
            self._stop.nap(LOOK_SECONDS)
        return 0

    def _fill(self, place: _Place) -> None:
        if place.pid is not None or place.over:
            return
        if self._is_ending:
            place.over = True
        elif time.monotonic() >= place.start_at:
            place.started = time.monotonic()
            place.pid = self._fork(place.number)
            if self._paused:
                os.kill(place.pid, signal.SIGUSR2)

    @property
    def _is_ending(self) -> bool:
        return self._stop.requested or self._restarting

    def _fork(self, number: int) -> int:
        parent = os.getpid()
        # the child unblocks them once it has handlers of its own: the parent's must not run in it, nor a default
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_child(number, parent)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return pid

    def _be_child(self, number: int, parent: int) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which passes it on: twice would mean at once
            self._stop.forget()
            code = self._work(number, parent) or ENDED_BY_ITSELF
        finally:
            os._exit(code)

    def _bury(self, place: _Place) -> None:
        if place.pid is None:
            return
        pid, status = os.waitpid(place.pid, os.WNOHANG)
        if pid == 0:
            return
        place.pid = None
        code = os.waitstatus_to_exitcode(status)
        lived = time.monotonic() - place.started
        place.over = code in {ENDED_BY_ITSELF, ENDED_FOR_RESTART}
        self._restarting = self._restarting or code == ENDED_FOR_RESTART
        place.pause = (
            min(max(FIRST_PAUSE_SECONDS, place.pause * 2), LONGEST_PAUSE_SECONDS) if lived < YOUNG_SECONDS else 0
        )
        place.start_at = time.monotonic() + place.pause
        if not place.over:
            replaced_in = None if self._is_ending else place.pause
            self._report(events.ChildDied(pid=pid, exit_code=code, lived=lived, replaced_in_seconds=replaced_in))

    def _pass_signals_on(self) -> None:
        while self._passed_on < self._stop.times_requested:
            self._signal_all(NOW_SIGNAL if self._passed_on else signal.SIGTERM)
            self._passed_on += 1
        if self._paused != self._stop.paused:
            self._paused = self._stop.paused
            self._signal_all(signal.SIGUSR2 if self._paused else signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.pid is not None:
                os.kill(place.pid, number)
