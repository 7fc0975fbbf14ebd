"""Ctrl-C in a command that works chunk by chunk."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class CtrlC:
    """Notes the first Ctrl-C while it is entered, so that the chunk at hand comes to its end; the second breaks in."""

    def __init__(self) -> None:
        self.pressed = False
        self._previous: signal._HANDLER = None

    def __enter__(self) -> CtrlC:
        self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
