"""A small mail server for the demo: it listens on loopback and keeps what it accepts."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType


class DemoMailServer:
    """Accepts mail, except what it is told to refuse. Enter it to start it.

    Attributes:
        accepted: the mails, as they came over the wire.
    """

    def __init__(self) -> None:
        self.accepted: list[bytes] = []
        self._refusals: dict[str, list[str]] = {}
        self._server = _Server(("127.0.0.1", 0), _Dialogue)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def refuse(self, recipient: str, reply: str) -> None:
        """Answers the next mail to `recipient` with `reply`."""
        self._refusals.setdefault(recipient, []).append(reply)

    def take_refusal(self, recipient: str) -> str | None:
        """The reply that a mail to `recipient` is refused with, where there is one left."""
        left = self._refusals.get(recipient)
        return left.pop(0) if left else None

    def __enter__(self) -> DemoMailServer:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    owner: DemoMailServer


class _Dialogue(socketserver.StreamRequestHandler):
    """The little of SMTP (RFC 5321) that a client needs to hand over a mail."""

    server: _Server

    def handle(self) -> None:
        self._say("220 demo.example ESMTP")
        while True:
            line = self.rfile.readline(2048)
            if not line:
                return
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 End with a dot")
                self.server.owner.accepted.append(self._body())
                self._say("250 2.0.0 Accepted by the demo's mail server")
            elif verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")
                self._say(self.server.owner.take_refusal(recipient) or "250 2.1.5 Recipient ok")
            elif verb == b"QUIT":
                self._say("221 2.0.0 Bye")
                return
            else:
                self._say("250 Ok")

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def _say(self, reply: str) -> None:
        self.wfile.write(reply.encode("ascii") + b"\r\n")
