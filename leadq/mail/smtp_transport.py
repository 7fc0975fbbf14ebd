"""Mails to an SMTP server, over one connection that is kept while it is fresh."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable

from leadq.config import MailSettings
from leadq.mail.errors import DeliveryError, Kind, PermanentDeliveryError, Stage, failed
from leadq.mail.letter import Message
from leadq.mail.smtp_reply import Reply
from leadq.mail.smtp_session import SmtpSession
from leadq.mail.tls import client_context
from leadq.receipt import Receipt

log = logging.getLogger("leadq.mail")

IDLE_SECONDS = 5.0  # Amazon SES hangs up after 10
OLDEST_SECONDS = 300.0
MOST_MAILS = 100


class SmtpTransport:
    """Sends to the server of `settings`; `dialogue` is told each line of the conversation, secrets blanked.

    Raises:
        ConfigError: MAIL_CA_FILE holds no certificate.
    """

    name = "smtp"

    def __init__(self, settings: MailSettings, *, dialogue: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._dialogue = dialogue
        self._session: SmtpSession | None = None
        self._mails = 0
        self._opened_at = 0.0
        self._used_at = 0.0
        self._reported: str | None = None
        if settings.ca_file is not None:
            self._tls_context()
        if not settings.verify:
            log.warning("MAIL_VERIFY=false: anybody can pose as %s and read the mails", settings.host)

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Sends one mail within `deadline`.

        A kept connection that turns out to be gone at MAIL is replaced once: nothing was handed over by then. Whatever
        is raised, the connection is closed.

        Raises:
            DeliveryError: of any kind; PermanentDeliveryError where no further attempt is to be made.
        """
        try:
            reply = self._submit(message, deadline)
        except DeliveryError as error:
            if error.code in {None, 421} or error.stage == Stage.BODY:  # in the body a QUIT would be text
                self.discard()
            else:
                self._end(deadline)
            self._report(error, message)
            if self._holds(error):
                raise _held(error, message) from error
            raise
        except BaseException as interruption:
            may_have_arrived = self._session is not None and self._session.may_have_arrived
            self.discard()
            if may_have_arrived:
                unanswered = failed(Stage.DOT, "broken off before the server had answered")
                self._report(unanswered, message)
                if self._holds(unanswered):
                    raise _held(unanswered, message) from interruption
            raise
        return Receipt(message_id=message.message_id, reply=reply.text)

    def discard(self) -> None:
        """Closes the socket, if there is one, without a word."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def close(self) -> None:
        """Says QUIT, if there is a connection. Never raises an Exception."""
        self._end(time.monotonic() + self._settings.timeout)

    def _submit(self, message: Message, deadline: float) -> Reply:
        session = self._fresh_session(deadline)
        kept = session is not None
        if session is None:
            session = self._open(deadline)
        try:
            reply = session.submit(message, deadline=deadline)
        except DeliveryError as error:
            if not (kept and error.kind is Kind.TRANSPORT and error.stage == Stage.MAIL):
                raise
            self.discard()
            reply = self._open(deadline).submit(message, deadline=deadline)
        self._mails += 1
        self._used_at = time.monotonic()
        return reply

    def _fresh_session(self, deadline: float) -> SmtpSession | None:
        """The kept connection, unless it is old, has carried enough, or was idle for so long that it may be gone."""
        now = time.monotonic()
        if self._session is not None and (
            self._mails >= MOST_MAILS or now - self._opened_at > OLDEST_SECONDS or now - self._used_at > IDLE_SECONDS
        ):
            self._end(deadline)
        return self._session

    def _open(self, deadline: float) -> SmtpSession:
        self._session = SmtpSession(self._settings, context=self._tls_context, dialogue=self._dialogue)
        self._session.open(deadline=deadline)
        self._mails = 0
        self._opened_at = time.monotonic()
        return self._session

    def _end(self, deadline: float) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.quit(deadline=deadline)

    def _tls_context(self) -> ssl.SSLContext:
        return client_context(ca_file=self._settings.ca_file, verify=self._settings.verify)

    def _holds(self, error: DeliveryError) -> bool:
        return error.kind is Kind.UNKNOWN and self._settings.on_unknown == "hold"

    def _report(self, error: DeliveryError, message: Message) -> None:
        """Says what a person should know beyond this one attempt; a wrong setting once, not once a mail."""
        if error.kind is Kind.UNKNOWN:
            log.warning("mail %s to %s may arrive twice: %s", message.message_id, message.recipient, error.message)
        elif error.kind is Kind.CONFIG and error.message != self._reported:
            self._reported = error.message
            log.error("no mail can leave: %s", error.message)


def _held(error: DeliveryError, message: Message) -> PermanentDeliveryError:
    return PermanentDeliveryError(
        f"{error.message}; it may have been delivered as {message.message_id}, so a person must decide",
        kind=Kind.UNKNOWN,
        stage=error.stage,
        code=error.code,
        enhanced=error.enhanced,
        reply=error.reply,
        hint="Ask the recipient; leadq retry sends the same mail again, byte for byte.",
    )
