"""What goes into a mail, and the mail that comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What one notification says, as the store knows it. Times are UTC seconds."""

    uuid: str
    queued_at: int
    test: bool
    lead_id: int
    lead_name: str
    lead_email: str
    lead_phone: str | None
    lead_company: str | None
    lead_source: str | None
    lead_message: str | None
    lead_created_at: int
    user_name: str
    user_email: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """One mail, ready to leave: the same bytes on every attempt.

    Attributes:
        message_id: with its angle brackets.
        sender: envelope sender.
        recipient: envelope recipient, ASCII.
        from_header: From, readable.
        to: To, readable.
        wire: the whole mail, 7-bit, with CRLF line endings.
    """

    uuid: str
    queued_at: int
    message_id: str
    sender: str
    recipient: str
    subject: str
    from_header: str
    to: str
    text: str
    html: str
    wire: bytes
