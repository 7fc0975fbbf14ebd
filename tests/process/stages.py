"""A mail server that does something of the test's when a mail has come so far, before it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.homes import PATIENCE_SECONDS
from tests.smtp_servers import ScriptedServer, _Conversation


class Gate:
    """Where a conversation waits until the test lets it go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> None:
        self._reached.set()
        assert self._open.wait(PATIENCE_SECONDS)

    def until_reached(self) -> None:
        assert self._reached.wait(PATIENCE_SECONDS)

    def open(self) -> None:
        self._open.set()


@dataclass
class StagedServer(ScriptedServer):
    """A scripted server with `first`: what it does the first time a conversation reaches a stage, before its answer.

    Beside the stages of a script there is `accepted`: the mail counts as accepted, the 250 is not sent yet.
    """

    first: dict[str, Callable[[], object]] = field(default_factory=dict)

    def _play(self, conversation: _Conversation, stage: str, on_success: Callable[[], None] = lambda: None) -> None:
        def accept() -> None:
            on_success()
            self.first.pop("accepted", lambda: None)()

        self.first.pop(stage, lambda: None)()
        super()._play(conversation, stage, accept if stage == "dot" else on_success)
