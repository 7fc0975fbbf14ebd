"""A TCP or TLS connection on which nothing waits past its deadline."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from leadq.mail.resolver import Address
from leadq.mail.smtp_reply import LONGEST_LINE, MOST_LINES, GarbledReply, Reply, split_line


class SmtpSocket:
    """Sends bytes and reads replies. Every deadline is a time.monotonic() value for the whole call.

    Every method raises TimeoutError when time is up and OSError when the connection is gone.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = bytearray()

    @classmethod
    def connect(cls, addresses: list[Address], *, seconds_each: float, deadline: float) -> SmtpSocket:
        """Connects to the first of `addresses` that answers."""
        failure: OSError = TimeoutError("no time left")
        for family, address in addresses:
            candidate = socket.socket(family, socket.SOCK_STREAM)
            try:
                candidate.settimeout(_seconds_until(min(deadline, time.monotonic() + seconds_each)))
                candidate.connect(address)
                return cls(candidate)
            except OSError as error:
                candidate.close()
                failure = error
            except BaseException:
                candidate.close()
                raise
        raise failure

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return isinstance(self._socket, ssl.SSLSocket)

    def start_tls(self, context: ssl.SSLContext, host: str, *, deadline: float) -> None:
        """Turns TLS on. What came in before is forgotten: it may be somebody else's (CVE-2011-0411).

        Raises:
            ssl.SSLError: the certificate is not to be trusted, or the server doesn't speak TLS.
        """
        self._unread.clear()
        self._socket.settimeout(_seconds_until(deadline))
        encrypted = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = encrypted
        encrypted.do_handshake()

    def send(self, data: bytes, *, deadline: float, seconds_each: float) -> None:
        """Sends all of `data`; the server must take some of it every `seconds_each`."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(_seconds_until(min(deadline, time.monotonic() + seconds_each)))
            rest = rest[self._socket.send(rest) :]

    def read_reply(self, *, deadline: float) -> Reply:
        """The next reply, read to its last line.

        Raises:
            GarbledReply: it isn't SMTP, or longer than any real one.
        """
        lines: list[str] = []
        more = True
        while more:
            if len(lines) == MOST_LINES:
                raise GarbledReply(f"the server's answer has more than {MOST_LINES} lines")
            code, more, text = split_line(self._read_line(deadline))
            lines.append(text)
        return Reply(code=code, lines=tuple(lines))

    def acknowledge_at_once(self) -> None:
        """Has what comes in be acknowledged without delay, until something is sent.

        A server that writes one reply at a time is kept by Nagle's algorithm from sending the second before the first
        is acknowledged, which takes Linux 40 ms where it has nothing to send along.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def has_heard(self) -> bool:
        """Whether the server has said something that is not read yet. Doesn't wait.

        Raises:
            ConnectionResetError: it has hung up.
        """
        if not self._unread:
            self._socket.settimeout(0)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
                self._receive()
        return bool(self._unread)

    def close(self) -> None:
        """Closes at once. Never raises an Exception."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _read_line(self, deadline: float) -> bytes:
        while (end := self._unread.find(b"\n")) < 0 and len(self._unread) <= LONGEST_LINE:
            self._socket.settimeout(_seconds_until(deadline))
            self._receive()
        if not 0 <= end <= LONGEST_LINE:
            raise GarbledReply(f"a line of the server's answer is longer than {LONGEST_LINE} bytes")
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        return line

    def _receive(self) -> None:
        received = self._socket.recv(4096)
        if not received:
            raise ConnectionResetError("the server closed the connection")
        self._unread += received


def _seconds_until(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("no time left")
    return seconds
