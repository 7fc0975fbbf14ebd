"""Mails as log lines: nothing leaves the machine."""

from __future__ import annotations

import logging
import textwrap

from leadq.mail.letter import Message
from leadq.receipt import Receipt

log = logging.getLogger("leadq.mail")


class LogTransport:
    """Logs each mail's text at INFO."""

    name = "log"

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Logs the mail as one record, its text indented so that no line passes for a record of its own."""
        log.info(
            "mail to %s, subject %r, message-id %s\n%s",
            message.recipient,
            message.subject,
            message.message_id,
            textwrap.indent(message.text.rstrip(), "    ", lambda _line: True),
        )
        return Receipt(message_id=message.message_id, reply="written to the log")

    def discard(self) -> None:
        """Nothing stays open between mails."""

    def close(self) -> None:
        """Nothing stays open between mails."""
