"""Proof that a mail was accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What remains of an accepted mail: the Message-ID it went under, and the server's words."""

    message_id: str
    reply: str
