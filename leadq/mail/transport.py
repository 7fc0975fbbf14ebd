"""How mail leaves: the contract that every transport keeps."""

from __future__ import annotations

from typing import Protocol

from leadq.mail.letter import Message
from leadq.receipt import Receipt


class Transport(Protocol):
    """Takes mails, one at a time, from one thread."""

    name: str

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Hands `message` over.

        Args:
            message: one mail to one recipient.
            deadline: a time.monotonic() value; the attempt is over by then.

        Raises:
            DeliveryError: it was not taken over, or nobody can tell.
        """
        ...

    def discard(self) -> None:
        """Drops whatever is open, at once and without a word: after a timeout or an exception from outside."""
        ...

    def close(self) -> None:
        """Ends politely. Never raises."""
        ...
