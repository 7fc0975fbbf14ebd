"""From a letter to a message: the same letter always gives the same bytes."""

from __future__ import annotations

import contextlib
import functools
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from leadq.addresses import Mailbox, mailbox
from leadq.clock import local_zone
from leadq.config import MailSettings
from leadq.errors import InvalidInput
from leadq.mail.errors import DeliveryError, Kind, Stage, failed
from leadq.mail.identity import identity
from leadq.mail.letter import Letter, Message
from leadq.mail.rendering import Templates
from leadq.mail.wire import header_text, mail_bytes, mailbox_header, readable_mailbox, text_header
from leadq.text import many_lines, one_line

SUBJECT, TEXT, HTML = (f"lead_created.{part}.j2" for part in ("subject", "txt", "html"))
LONGEST_FIELD = 500
LONGEST_MESSAGE = 50_000  # Gmail clips a mail over about 100 kB

_mailbox_of_user = functools.lru_cache(maxsize=256)(mailbox)  # a few users get all the mails


class Composer:
    """Writes notifications for one home.

    Args:
        mail: who they come from and where replies go.
        app_name: shown in the mail.
        lead_url: link to a lead, `{id}` standing for its number.
        timezone: for the times in the mail; None for the system's.
        template_folder: templates that replace the packaged ones; they are read once.
    """

    def __init__(
        self,
        mail: MailSettings,
        *,
        app_name: str,
        lead_url: str | None,
        timezone: str | None,
        template_folder: Path | None,
    ) -> None:
        self._mail = mail
        self._app_name = app_name
        self._lead_url = lead_url
        self._timezone = local_zone(timezone)
        self._templates = Templates(template_folder)

    def compose(self, letter: Letter) -> Message:
        """The mail that says what `letter` holds.

        Raises:
            PermanentDeliveryError: the user's address or a template of the home is broken.
        """
        recipient = self._recipient(letter)
        reply_to = self._mail.reply_to or _ascii_address(letter.lead_email)
        values = self._values(letter)
        values["reply_to"] = self._mail.reply_to or (reply_to and _field(letter.lead_email))  # for people: no xn--
        subject = header_text(self._templates.render(SUBJECT, values))
        text = self._templates.render(TEXT, values)
        html = self._templates.render(HTML, values)
        token = identity(letter.uuid)
        message_id = f"<leadq.{token}@{self._mail.from_address.rpartition('@')[2]}>"
        to_name = "" if self._mail.to_override else letter.user_name
        headers = [
            mailbox_header("From", self._mail.from_name, self._mail.from_address),
            mailbox_header("To", to_name, recipient.ascii),
            text_header("Subject", subject),
            ("Date", format_datetime(datetime.fromtimestamp(letter.queued_at, UTC))),
            ("Message-ID", message_id),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ]
        if reply_to:
            reply_name = "" if self._mail.reply_to else letter.lead_name
            headers.append(mailbox_header("Reply-To", reply_name, reply_to))
        if self._mail.to_override:
            headers.append(text_header("X-Original-To", letter.user_email))
        return Message(
            uuid=letter.uuid,
            queued_at=letter.queued_at,
            message_id=message_id,
            sender=self._mail.from_address,
            recipient=recipient.ascii,
            subject=subject,
            from_header=readable_mailbox(self._mail.from_name, self._mail.from_address),
            to=readable_mailbox(to_name, recipient.address),
            text=text,
            html=html,
            wire=mail_bytes(headers, text=text, html=html, boundary=f"=_leadq_{token}"),
        )

    def load_templates(self) -> None:
        """Reads the templates now, and not with the first mail. A broken one is told by the mails that need it."""
        for name in (SUBJECT, TEXT, HTML):
            with contextlib.suppress(DeliveryError):
                self._templates.compile(name)

    def _recipient(self, letter: Letter) -> Mailbox:
        try:
            recipient = _mailbox_of_user(self._mail.to_override or letter.user_email)
            recipient.ascii  # noqa: B018 - raises where the address cannot be put on the wire
        except InvalidInput as error:
            raise failed(Stage.COMPOSE, error.message, kind=Kind.PERMANENT) from error
        return recipient

    def _values(self, letter: Letter) -> dict[str, object]:
        """What a template may say, all of it harmless text; None where the lead left something out."""
        lead = {
            "id": letter.lead_id,
            "name": _field(letter.lead_name) or _field(letter.lead_email) or f"lead {letter.lead_id}",
            "email": _field(letter.lead_email),
            "phone": _field(letter.lead_phone),
            "company": _field(letter.lead_company),
            "source": _field(letter.lead_source),
            "message": many_lines(_cut(letter.lead_message or "")).strip() or None,
            "created_at": self._local_time(letter.lead_created_at),
        }
        return {
            "lead": lead,
            "user": {"name": _field(letter.user_name), "email": _field(letter.user_email)},
            "app_name": _field(self._app_name),
            "url": self._lead_url and self._lead_url.replace("{id}", str(letter.lead_id)),
            "test": letter.test,
        }

    def _local_time(self, seconds: int) -> str:
        local = datetime.fromtimestamp(seconds, UTC).astimezone(self._timezone)
        return f"{local.day} {local:%b %Y, %H:%M %Z}"


def _field(text: str | None) -> str | None:
    return one_line(text or "", limit=LONGEST_FIELD) or None


def _cut(message: str) -> str:
    if len(message) <= LONGEST_MESSAGE:
        return message
    return (
        f"{message[:LONGEST_MESSAGE]}…\n\n(This is its beginning: the whole message has {len(message):,} characters.)"
    )


def _ascii_address(text: str) -> str | None:
    try:
        return mailbox(text).ascii_address
    except InvalidInput:
        return None
