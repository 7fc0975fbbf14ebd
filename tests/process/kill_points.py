"""Kills the process that it is loaded into at one named point. Copied into a home as `sitecustomize.py`."""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import Any


def die(*_: Any) -> None:
    """Ends this process at once, as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, condition: Any = lambda *_: True) -> None:
    """Dies where `owner.name` is about to be called, with arguments that fit."""
    original = getattr(owner, name)

    def wrapper(self: Any, *arguments: Any, **options: Any) -> Any:
        if condition(*arguments):
            die()
        return original(self, *arguments, **options)

    setattr(owner, name, wrapper)


def after(owner: Any, name: str) -> None:
    """Dies where `owner.name` has just returned."""
    original = getattr(owner, name)

    def wrapper(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        die()

    setattr(owner, name, wrapper)


def arm(point: str) -> None:
    """Sets the trap."""
    from leadq.mail.errors import Stage
    from leadq.mail.smtp_session import SmtpSession
    from leadq.store.batches import Batches
    from leadq.store.claims import Claims
    from leadq.store.deliveries import Deliveries
    from leadq.store.settle import Settlements
    from leadq.store.triage import Triage
    from leadq.worker.executor import Executor

    match point:
        case "after the claim":
            before(Executor, "prepare")
        case "before DATA":
            before(SmtpSession, "_command", lambda stage, *_: stage is Stage.DATA)
        case "after the final dot":
            before(SmtpSession, "_expect", lambda stage, *_: stage is Stage.DOT)
        case "after the 250":
            after(SmtpSession, "submit")
        case "before the record":
            before(Settlements, "settle")
        case "inside the commit":
            after(Deliveries, "record")
        case "in the move to failed_jobs":
            after(Settlements, "_insert_failed")
        case "in the claim":
            after(Claims, "_reserve")
        case "in the sweep":
            after(Deliveries, "note_abandoned")
        case "after the commit":
            after(Settlements, "settle_and_claim")
        case "in retry":
            before(Deliveries, "reopen")
        case "in the third chunk of an import":
            chunks = count(1)
            before(Batches, "add", lambda *_: next(chunks) == 3)
        case "in the third chunk of retry":
            chunks = count(1)
            before(Deliveries, "reopen", lambda *_: next(chunks) == 3)
        case "in the third chunk of forget":
            chunks = count(1)
            before(Triage, "forget_chunk", lambda *_: next(chunks) == 3)


arm(os.environ["KILL_AT"])
