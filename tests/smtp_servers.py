"""SMTP servers to test against: one that behaves (aiosmtpd), one that misbehaves to order (raw sockets), and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A mail that a server has said 250 to."""

    sender: str
    recipients: tuple[str, ...]
    wire: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.wire, policy=email.policy.default)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])


class Tls:
    """A certificate authority of our own and a certificate for the server on 127.0.0.1.

    Args:
        folder: for the files.
        name: whom the certificate is for.
        not_after: when it runs out; None for a time far ahead.
    """

    def __init__(self, folder: Path, name: str = HOST, *, not_after: datetime | None = None) -> None:
        authority = trustme.CA()
        self.ca_file = folder / f"ca-of-{name}.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, not_after=not_after).configure_cert(self.server_context)


class MailServer:
    """A well-behaved server on a free port, in a thread; a context manager.

    Args:
        starttls: offers STARTTLS with this context.
        implicit_tls: speaks TLS from the first byte.
        login: (name, password) that it wants before it takes mail.
        port: where it listens; 0 for a port that is free.

    Attributes:
        delay: seconds that each reply to the final dot takes.
        gate: while it is not set, no final dot is answered.
        received: how many final dots have come, answered or not.
    """

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        implicit_tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        mechanisms_hidden: tuple[str, ...] = (),
        port: int = 0,
    ) -> None:
        self.accepted: list[Accepted] = []
        self.greetings: list[str] = []
        self.logins_tried: list[tuple[str, str]] = []
        self.delay = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.received = 0
        self._login = login
        self._scripts: list[_ScriptedReply] = []
        self._changed = threading.Condition()
        self._controller = _Controller(
            self,
            hostname=HOST,
            port=port,
            ssl_context=implicit_tls,
            tls_context=starttls,
            authenticator=self._authenticate,
            auth_require_tls=implicit_tls is None,
            auth_exclude_mechanism=mechanisms_hidden,
        )

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def refuse(self, recipient: str, reply: str, *, times: int | None = None) -> None:
        """Answers RCPT TO:<recipient> with `reply`; `times` None means always."""
        self._scripts.append(_ScriptedReply("rcpt", recipient, reply, times))

    def refuse_mail(self, reply: str, *, times: int | None = None) -> None:
        """Answers MAIL FROM with `reply`."""
        self._scripts.append(_ScriptedReply("mail", None, reply, times))

    def refuse_data(self, reply: str, *, times: int | None = None) -> None:
        """Answers the final dot with `reply`."""
        self._scripts.append(_ScriptedReply("dot", None, reply, times))

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Accepted]:
        """The accepted mails, once there are `count` of them."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.accepted) >= count, timeout)
            assert arrived, f"{len(self.accepted)} of {count} mails after {timeout} s"
            return list(self.accepted)

    def go_away(self) -> None:
        """Ends every connection and takes no more, until `come_back()`. Its port must be one that nobody else gets."""
        self._controller.close()
        self._controller.hang_up()

    def come_back(self) -> None:
        """Takes connections again."""
        self._controller.reopen()

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._controller.hang_up()
        self._controller.stop()

    def _scripted(self, stage: str, recipient: str | None = None) -> str | None:
        for script in self._scripts:
            if script.stage == stage and script.recipient in {None, recipient} and script.take():
                return script.reply
        return None

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        tried = (data.login.decode(), data.password.decode())
        self.logins_tried.append(tried)
        return AuthResult(success=tried == self._login, handled=False)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings.append(hostname)
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self._login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        reply = self._scripted("mail")
        if reply is None:
            envelope.mail_from = address
        return reply or "250 2.1.0 Sender ok"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = self._scripted("rcpt", address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 Recipient ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received += 1
        await asyncio.sleep(self.delay)
        while not self.gate.is_set():
            await asyncio.sleep(0.01)
        if reply := self._scripted("dot"):
            return reply
        mail = Accepted(sender=envelope.mail_from, recipients=tuple(envelope.rcpt_tos), wire=envelope.content)
        with self._changed:
            self.accepted.append(mail)
            self._changed.notify_all()
        return f"250 2.0.0 Ok: queued as {len(self.accepted):06d}"


class _Controller(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def close(self) -> None:
        """Refuses further connections, until `reopen()`."""
        self.loop.call_soon_threadsafe(self.server.close)

    def reopen(self) -> None:
        """Takes connections again, at the same port."""

        async def listen() -> None:
            self.server = await self._create_server()

        asyncio.run_coroutine_threadsafe(listen(), self.loop).result(timeout=5)

    def hang_up(self) -> None:
        """Closes every connection: stop() would leave them to the garbage collector, and to its warnings."""

        async def close_all() -> None:
            transports = list(self.loop._transports.values())
            for transport in transports:
                transport.abort()
            while any(transport._sock is not None for transport in transports):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close_all(), self.loop).result(timeout=5)


@dataclass
class _ScriptedReply:
    stage: str
    recipient: str | None
    reply: str
    times: int | None

    def take(self) -> bool:
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


@dataclass(frozen=True)
class Do:
    """Something a scripted server does instead of, or after, a plain reply."""

    name: str
    reply: str = ""


DROP = Do("closes the connection")
RESET = Do("resets the connection")
STALL = Do("says nothing until the client is gone")
DEAF = Do("neither reads nor says anything")
AWAIT_MORE = Do("waits for the client's next line before it goes on")


def drip(reply: str) -> Do:
    """Sends `reply` and then more of it, a byte every 20 ms, without ever ending the line."""
    return Do("drips", reply)


def spell(reply: str) -> Do:
    """Sends `reply` a byte at a time."""
    return Do("spells", reply)


Step = str | Do | tuple[str | Do, ...]

USUAL: dict[str, str] = {
    "greeting": "220 scripted ESMTP",
    "ehlo": "250-scripted\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 1000000",
    "starttls": "220 2.0.0 Go ahead",
    "auth": "235 2.7.0 Welcome",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 Go on",
    "body": "",
    "dot": "250 2.0.0 Ok: queued",
    "quit": "221 2.0.0 Bye",
}


@dataclass
class ScriptedServer:
    """A server that follows a script; a context manager.

    Attributes:
        script: stage → steps for its 1st, 2nd … time, the last one for all further times. A step is a reply, a Do,
            or a tuple of them in a row. `body` comes before the mail is read; `empty line` has no usual course. Other
            stages left out take it.
        tls_context: used after a 220 to STARTTLS.
        accepted: mails that a 250 to the final dot was sent for, as they came over the wire.
        heard: every command line.
        connections: how many there were.
    """

    script: dict[str, list[Step]] = field(default_factory=dict)
    tls_context: ssl.SSLContext | None = None
    accepted: list[bytes] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> ScriptedServer:
        self._listener = socket.create_server((HOST, 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # DEAF soon fills it
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._turns: dict[str, int] = {}
        self._threads = [threading.Thread(target=self._serve)]
        self._conversations: list[_Conversation] = []
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for conversation in self._conversations:
            conversation.end_of_input()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            conversation = _Conversation(client, self._stopping)
            thread = threading.Thread(target=self._talk, args=(conversation,))
            self._conversations.append(conversation)
            self._threads.append(thread)
            thread.start()

    def _talk(self, conversation: _Conversation) -> None:
        with contextlib.suppress(OSError, _Hangup), contextlib.closing(conversation):
            self._play(conversation, "greeting")
            while line := conversation.read_line():
                self.heard.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                stage = line.split()[0].decode("ascii").lower() if line.strip() else "empty line"
                self._play(conversation, stage)
                if stage == "starttls" and self.tls_context is not None:
                    conversation.start_tls(self.tls_context)
                if stage == "data" and conversation.awaits_mail:
                    self._play(conversation, "body")
                    mail = conversation.read_mail()
                    self._play(conversation, "dot", lambda mail=mail: self.accepted.append(mail))

    def _play(self, conversation: _Conversation, stage: str, on_success: Callable[[], None] = lambda: None) -> None:
        steps = self.script.get(stage) or [USUAL[stage]]
        turn = self._turns.get(stage, 0)
        self._turns[stage] = turn + 1
        step = steps[min(turn, len(steps) - 1)]
        for action in step if isinstance(step, tuple) else (step,):
            if isinstance(action, str) and action.startswith("250"):
                on_success()
            conversation.perform(action)


class _Hangup(Exception):
    """The script ends the conversation here."""


class _Conversation:
    def __init__(self, client: socket.socket, stopping: threading.Event) -> None:
        self._client = client
        self._client.settimeout(10)
        self._stopping = stopping
        self._unread = b""
        self.awaits_mail = False

    def perform(self, action: str | Do) -> None:
        if isinstance(action, str):
            if action:
                self._client.sendall(action.encode() + b"\r\n")
                self.awaits_mail = any(line.startswith("354") for line in action.splitlines())
        elif action is STALL:
            self._wait_until_gone()
            raise _Hangup
        elif action is DEAF:
            self._stopping.wait()
            raise _Hangup
        elif action is RESET:
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what was said before goes out first
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            raise _Hangup
        elif action is DROP:
            raise _Hangup
        elif action is AWAIT_MORE:
            self._read_on_until(b"\n")
        elif action.name == "spells":
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for character in f"{action.reply}\r\n":
                self._client.sendall(character.encode())
                self._stopping.wait(0.001)
            self.awaits_mail = action.reply.startswith("354")
        else:
            self._client.sendall(action.reply.encode())
            while not self._stopping.wait(0.02):
                self._client.sendall(b"x")
            raise _Hangup

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._client = context.wrap_socket(self._client, server_side=True)

    def read_line(self) -> bytes:
        return self._read_through(b"\n")

    def read_mail(self) -> bytes:
        mail = b"\r\n" + self._read_through(b"\r\n.\r\n")
        return re.sub(rb"\r\n\.", b"\r\n", mail.removesuffix(b".\r\n"))[2:]

    def end_of_input(self) -> None:
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._client.close()

    def _read_through(self, end: bytes) -> bytes:
        self._read_on_until(end)
        text, _, self._unread = self._unread.partition(end)
        return text + end

    def _read_on_until(self, end: bytes) -> None:
        while end not in self._unread:
            received = self._client.recv(65536)
            if not received:
                raise _Hangup
            self._unread += received

    def _wait_until_gone(self) -> None:
        """Reads on without an answer; ends when the client closes or the server stops."""
        self._client.settimeout(0.02)
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self._client.recv(65536):
                    return


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on: bound, so that nobody else takes it, but refusing connections."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]
