"""One SMTP connection, from the greeting to QUIT (RFC 5321, 2920, 3207, 4954).

Not smtplib: that one hides the stage of a failure, waits per recv rather than per reply, turns a refused EHLO into
HELO, and tries a wrong password once for each login mechanism.
"""

from __future__ import annotations

import base64
import contextlib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from leadq.config import MailSettings
from leadq.mail.errors import DeliveryError, Kind, Stage, failed, refused
from leadq.mail.letter import Message
from leadq.mail.oauth_token import challenge_words, token_of, xoauth2
from leadq.mail.resolver import resolve
from leadq.mail.smtp_failures import explained
from leadq.mail.smtp_reply import GarbledReply, Reply
from leadq.mail.smtp_socket import SmtpSocket

QUIT_SECONDS = 1.0
LAST_BYTES = 8192  # any socket takes these at once; most mails are smaller
BLANKED = "********"


class _Command(NamedTuple):
    stage: Stage
    line: str
    hoped_for: tuple[int, ...]


class SmtpSession:
    """A conversation with the server of `settings`. One object, one connection; it is never reopened.

    Args:
        settings: server, login and timeouts.
        context: gives the TLS context when one is needed.
        dialogue: told each line, `C:` ours and `S:` the server's, secrets blanked.

    Attributes:
        stage: where the conversation is.
    """

    def __init__(
        self,
        settings: MailSettings,
        *,
        context: Callable[[], ssl.SSLContext],
        dialogue: Callable[[str], None] | None = None,
    ) -> None:
        self.stage = Stage.RESOLVE
        self._dot_leaves = False
        self._settings = settings
        self._context = context
        self._dialogue = dialogue
        self._deadline = 0.0
        self._socket: SmtpSocket | None = None
        self._features: dict[str, str] = {}

    def open(self, *, deadline: float) -> None:
        """Connects, starts TLS and logs in.

        Raises:
            DeliveryError: kind transport or config; the session is of no more use.
        """
        self._deadline = deadline
        with self._failures_explained():
            self._connect()
            self._expect(Stage.GREETING, 220)
            self._greet()
            self._encrypt()
            if self._settings.username is not None:
                self._log_in()

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on; while the connection is open."""
        return self._connection.encrypted

    @property
    def may_have_arrived(self) -> bool:
        """Whether the server may have the whole mail and has not answered: also before the dot's stage has begun."""
        return self.stage is Stage.DOT or (self.stage is Stage.BODY and self._dot_leaves)

    def submit(self, message: Message, *, deadline: float) -> Reply:
        """Hands over one mail and returns the server's word that it has it, straight after reading it.

        Raises:
            DeliveryError: any kind; `stage` says how far it came.
        """
        self._deadline = deadline
        size = f" SIZE={len(message.wire)}" if "SIZE" in self._features else ""
        envelope = (
            _Command(Stage.MAIL, f"MAIL FROM:<{message.sender}>{size}", (250,)),
            _Command(Stage.RCPT, f"RCPT TO:<{message.recipient}>", (250, 251)),
            _Command(Stage.DATA, "DATA", (354,)),
        )
        with self._failures_explained():
            if "PIPELINING" in self._features:
                self._commands_at_once(envelope)
            else:
                for command in envelope:
                    self._command(command.stage, command.line, *command.hoped_for)
            self._hand_over(message.wire)
            reply = self._expect(Stage.DOT, 250, 251, 252, wait=deadline - time.monotonic())
            self.stage = Stage.DONE
            return reply

    def quit(self, *, deadline: float) -> None:
        """Says goodbye, unless the connection is closed, waits a moment for the answer, and closes.

        Never raises an Exception.
        """
        if self._socket is None:
            return
        self._deadline = min(deadline, time.monotonic() + QUIT_SECONDS)
        try:
            self._tell("C: QUIT")
            self._send(b"QUIT\r\n")
            self._read(QUIT_SECONDS)
        except (OSError, GarbledReply):
            pass  # every mail on this connection is accounted for already
        finally:
            self.close()

    def close(self) -> None:
        """Drops the connection at once, without a word."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        settings = self._settings
        addresses = resolve(settings.host, settings.port, deadline=self._soon())
        self.stage = Stage.CONNECT
        self._socket = SmtpSocket.connect(addresses, seconds_each=settings.timeout, deadline=self._deadline)
        if settings.scheme == "smtps":
            self._start_tls()

    def _greet(self) -> None:
        reply = self._command(Stage.EHLO, f"EHLO {self._settings.ehlo_domain}", 250)
        words = (re.split("[ =]", line.upper(), maxsplit=1) for line in reply.lines[1:])
        self._features = {name: "".join(parameters) for name, *parameters in words}

    def _encrypt(self) -> None:
        """TLS where the server offers it, and always before a password is sent."""
        if self._connection.encrypted:
            return
        if "STARTTLS" in self._features:
            self._command(Stage.STARTTLS, "STARTTLS", 220)
            self._start_tls()
            self._greet()
        elif self._settings.username is not None:
            raise failed(
                Stage.STARTTLS,
                f"{self._server} offers no encryption, and the password is not sent without it",
                kind=Kind.CONFIG,
                hint="Is it the right MAIL_PORT? MAIL_SCHEME=smtps is for servers that begin with TLS.",
            )

    def _start_tls(self) -> None:
        if self._settings.scheme == "smtp":
            self.stage = Stage.STARTTLS
        self._connection.start_tls(self._context(), self._settings.host, deadline=self._soon())

    def _log_in(self) -> None:
        """One login with one mechanism: each further try counts towards the account being locked."""
        self.stage = Stage.AUTH
        name = self._settings.username or ""
        password = self._settings.password.reveal() if self._settings.password else ""
        plain, encoded = _base64(f"\0{name}\0{password}"), _base64(password)
        secrets = (plain, encoded, password)  # a server may repeat what it was told, however spelled
        mechanism = self._mechanism()
        if mechanism == "XOAUTH2":
            self._show_token(name)
        elif mechanism == "PLAIN":
            self._command(Stage.AUTH, f"AUTH PLAIN {plain}", 235, secrets=secrets)
        else:
            self._command(Stage.AUTH, "AUTH LOGIN", 334)
            self._command(Stage.AUTH, _base64(name), 334)
            self._command(Stage.AUTH, encoded, 235, secrets=secrets)

    def _show_token(self, name: str) -> None:
        command = self._settings.token_command or ""
        token = token_of(command, seconds=max(0.0, self._soon() - time.monotonic()))
        secret = xoauth2(name, token)
        secrets = (secret, token)
        reply = self._command(Stage.AUTH, f"AUTH XOAUTH2 {secret}", 235, 334, secrets=secrets)
        if reply.code == 334:  # a refusal; its code comes once this explanation is answered with an empty line
            why = _blanked(challenge_words(reply.lines[0]), secrets)
            try:
                self._command(Stage.AUTH, "", 235, secrets=secrets)
            except DeliveryError as error:
                words = f"{error.reply} {why}".rstrip()
                raise refused(Stage.AUTH, code=error.code, enhanced=error.enhanced, reply=words) from None

    def _mechanism(self) -> str:
        offered = self._features.get("AUTH", "").split()
        wanted = [self._settings.auth.upper()] if self._settings.auth != "auto" else ["PLAIN", "LOGIN"]
        for mechanism in wanted:
            if mechanism in offered:
                return mechanism
        raise failed(
            Stage.AUTH,
            f"{self._server} offers no login by {' or '.join(wanted)}; it offers {' '.join(offered) or 'none'}",
            kind=Kind.CONFIG,
        )

    def _commands_at_once(self, commands: Sequence[_Command]) -> None:
        """Sends all of them, DATA last, before it reads the first reply (RFC 2920).

        Nothing of the mail itself has left by then: a connection that breaks off in here has handed nothing over.
        """
        self.stage = commands[0].stage
        for command in commands:
            self._tell(f"C: {command.line}")
        self._send("".join(f"{command.line}\r\n" for command in commands).encode("ascii"))
        self._connection.acknowledge_at_once()
        for answered, command in enumerate(commands, start=1):
            try:
                self._expect(command.stage, *command.hoped_for)
            except DeliveryError as refusal:
                if refusal.code != 421:  # says that it hangs up
                    self._hear_out(len(commands) - answered)
                raise

    def _hear_out(self, count: int) -> None:
        """Reads the `count` replies to what went out along with a refused command; closes where no QUIT may follow.

        A server may say 354 to DATA although it has nobody to deliver to. RFC 2920, 3.1, has a lone dot end that, for
        the sake of the mails to follow. No mail follows a refusal here, and to a server that is in two minds about its
        refusal the dot would be the end of an empty mail; so the connection is closed, at which the server must drop
        the mail (RFC 5321, 4.1.1.10).
        """
        try:
            replies = [self._read(self._settings.timeout) for _ in range(count)]
        except (OSError, GarbledReply):
            self.close()
        else:
            if any(reply.code == 354 for reply in replies):
                self.close()

    def _hand_over(self, wire: bytes) -> None:
        """Sends the mail and the final dot, unless the server has answered before it.

        No answer is right before the dot: the server has not taken the mail. The dot goes out in one write with the
        mail's last bytes, and the look at what the server has said comes right before that write: a write this small
        is a copy into the socket, so a look between those bytes and the dot would see no more.
        """
        data = wire.replace(b"\r\n.", b"\r\n..")
        self.stage, self._dot_leaves = Stage.BODY, False
        self._tell(f"C: ({len(data)} bytes of mail)")
        self._send(data[:-LAST_BYTES])
        if self._connection.has_heard():
            self._expect(Stage.BODY)
        self._tell("C: .")
        self._dot_leaves = True
        self._send(data[-LAST_BYTES:] + b".\r\n")

    def _command(self, stage: Stage, line: str, *hoped_for: int, secrets: tuple[str, ...] = ()) -> Reply:
        self.stage = stage
        self._tell(f"C: {_blanked(line, secrets)}")
        self._send(line.encode("ascii") + b"\r\n")
        return self._expect(stage, *hoped_for, secrets=secrets)

    def _expect(self, stage: Stage, *hoped_for: int, wait: float | None = None, secrets: tuple[str, ...] = ()) -> Reply:
        self.stage = stage
        reply = self._read(self._settings.timeout if wait is None else wait, secrets)
        if reply.code not in hoped_for:
            raise refused(stage, code=reply.code, enhanced=reply.enhanced, reply=reply.text)
        return reply

    def _send(self, data: bytes) -> None:
        self._connection.send(data, deadline=self._deadline, seconds_each=self._settings.timeout)

    def _read(self, seconds: float, secrets: tuple[str, ...] = ()) -> Reply:
        reply = self._connection.read_reply(deadline=min(self._deadline, time.monotonic() + seconds))
        reply = Reply(code=reply.code, lines=tuple(_blanked(line, secrets) for line in reply.lines))
        self._tell(f"S: {reply.text}")
        return reply

    def _tell(self, line: str) -> None:
        if self._dialogue is not None:
            self._dialogue(line)

    @property
    def _connection(self) -> SmtpSocket:
        if self._socket is None:
            raise ConnectionAbortedError("the connection is closed")
        return self._socket

    @property
    def _server(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _soon(self) -> float:
        return min(self._deadline, time.monotonic() + self._settings.timeout)

    @contextlib.contextmanager
    def _failures_explained(self) -> Iterator[None]:
        """Turns what goes wrong below SMTP into a DeliveryError that names the server."""
        try:
            yield
        except (OSError, GarbledReply) as error:
            raise explained(error, self.stage, self._server) from error


def _blanked(text: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, BLANKED)
    return text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
