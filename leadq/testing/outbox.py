"""The mails that drain() has sent."""

from __future__ import annotations

from leadq.mail.letter import Message
from leadq.receipt import Receipt

outbox: list[Message] = []
"""Composed as a mail server would get them, the oldest first: `subject`, `to`, `text`, `html`, `wire` (the bytes) …

Emptied where fake(), temporary_home() and tables_in() begin; `outbox.clear()` empties it, too.
"""


class OutboxTransport:
    """Keeps mails."""

    name = "outbox"

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Keeps `message`."""
        outbox.append(message)
        return Receipt(message_id=message.message_id, reply="250 kept in leadq.testing.outbox")

    def discard(self) -> None:
        """Has nothing to drop."""

    def close(self) -> None:
        """Has nothing to end."""
