"""How mail leaves: the contract that every transport keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from leadq.mail.letter import Message


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The proof that a mail was taken over.

    Attributes:
        reply: the server's words, or where the mail was written to.
    """

    message_id: str
    reply: str


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
