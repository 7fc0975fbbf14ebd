"""Proof that a mail was accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What remains of an accepted mail.

    Attributes:
        message_id: what it went under.
        reply: the server's words, or where the mail was written to.
    """

    message_id: str
    reply: str
