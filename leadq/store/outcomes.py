"""How an attempt ended, and what the store then records for it."""

from __future__ import annotations

from dataclasses import dataclass

from leadq.receipt import Receipt


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The job is done and its row goes. `receipt` is there when the job sent a mail."""

    receipt: Receipt | None = None


@dataclass(frozen=True, kw_only=True)
class Released:
    """The attempt failed and there are tries left: the row stays, due again after `delay_seconds`."""

    delay_seconds: float
    error: str
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class GivenBack:
    """The attempt was broken off through no fault of the job's: it does not count, and the job is due again.

    Attributes:
        reason: what broke it off, for the story.
        delay_seconds: when it is due.
    """

    reason: str
    delay_seconds: float = 0


@dataclass(frozen=True, kw_only=True)
class Held:
    """No mail can leave at present: the attempt does not count, and the job waits until one can.

    Attributes:
        error: how it was seen, `Type: message` in one line.
        tried: whether this attempt has seen it itself; otherwise it was known and nothing was sent.
    """

    error: str
    tried: bool


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The last attempt failed, or a permanent error: the job moves to `failed_jobs`.

    Attributes:
        error: `Type: message` in one line.
        exception: the same, and the traceback where there is one.
        ran: False where the tries were spent before this attempt could begin: it is not counted.
    """

    error: str
    exception: str
    timed_out: bool = False
    ran: bool = True


Outcome = Completed | Released | GivenBack | Held | Failed
