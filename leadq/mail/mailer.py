"""What the rest of leadq needs of the mail: one object that writes and sends."""

from __future__ import annotations

from collections.abc import Callable

from leadq.config import Settings
from leadq.mail.composer import Composer
from leadq.mail.letter import Letter, Message
from leadq.mail.transport import Transport
from leadq.receipt import Receipt


class Mailer:
    """A composer and the transport that carries its messages."""

    def __init__(self, composer: Composer, transport: Transport) -> None:
        self.composer = composer
        self.transport = transport

    def compose(self, letter: Letter) -> Message:
        """The mail for `letter`: the same bytes whenever it is composed.

        Raises:
            PermanentDeliveryError: see Composer.compose.
        """
        return self.composer.compose(letter)

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """Hands `message` over by `deadline`, a time.monotonic() value.

        Raises:
            DeliveryError: see Transport.send.
        """
        return self.transport.send(message, deadline=deadline)

    def discard(self) -> None:
        """Drops an open connection without a word: after a timeout or an exception from outside."""
        self.transport.discard()

    def close(self) -> None:
        """Ends politely. Never raises."""
        self.transport.close()


def open_mailer(settings: Settings, *, dialogue: Callable[[str], None] | None = None) -> Mailer:
    """The mailer that `settings` ask for; nothing is connected yet.

    Args:
        settings: of one home. Templates in its `templates/` replace the packaged ones.
        dialogue: told each line of an SMTP conversation, secrets blanked.

    Raises:
        ConfigError: MAIL_CA_FILE holds no certificate.
    """
    return Mailer(open_composer(settings), _transport(settings, dialogue))


def open_composer(settings: Settings) -> Composer:
    """What writes the mails of a home, where none is to be sent."""
    templates = settings.home / "templates"
    return Composer(
        settings.mail,
        app_name=settings.app_name,
        lead_url=settings.lead_url,
        timezone=settings.timezone,
        template_folder=templates if templates.is_dir() else None,
    )


def _transport(settings: Settings, dialogue: Callable[[str], None] | None) -> Transport:
    if settings.mail.mailer == "smtp":
        from leadq.mail.smtp_transport import SmtpTransport

        return SmtpTransport(settings.mail, dialogue=dialogue)
    if settings.mail.mailer == "log":
        from leadq.mail.log_transport import LogTransport

        return LogTransport()
    from leadq.mail.file_transport import FileTransport

    return FileTransport(settings.storage / "mail")
