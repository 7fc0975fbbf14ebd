"""An SMTP server that takes every mail, with each reply as late as it is told: smtp-sink delays whole seconds only.

`python -m tests.benchmarks.late_sink SECONDS` prints its port, then the monotonic time at which each mail was accepted.
The replies to commands that come together are late together, as those of a server far away are.
"""

from __future__ import annotations

import asyncio
import sys
import time

HOST = "127.0.0.1"
END_OF_MAIL = b"\r\n.\r\n"
GREETING = b"220 sink.example ESMTP\r\n"
FEATURES = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
REPLIES = {
    b"EHLO": FEATURES,
    b"HELO": b"250 sink.example\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
ACCEPTED = b"250 2.0.0 accepted\r\n"


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, late: float) -> None:
        self._late = late
        self._heard = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say_later(GREETING, mails=0)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        replies, mails = b"", 0
        while True:
            end = END_OF_MAIL if self._in_mail else b"\r\n"
            said, found, rest = self._heard.partition(end)
            if not found:
                break
            self._heard = rest
            if self._in_mail:
                self._in_mail = False
                replies, mails = replies + ACCEPTED, mails + 1
            else:
                verb = said[:4].upper()
                replies += REPLIES.get(verb, b"250 2.0.0 fine\r\n")
                self._in_mail = verb == b"DATA"
        if replies:
            self._say_later(replies, mails=mails)

    def _say_later(self, replies: bytes, *, mails: int) -> None:
        if self._late:
            asyncio.get_running_loop().call_later(self._late, self._say, replies, mails)
        else:
            self._say(replies, mails)

    def _say(self, replies: bytes, mails: int) -> None:
        self._transport.write(replies)
        for _ in range(mails):
            print(time.monotonic(), flush=True)


async def serve(late: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(late), HOST, 0, backlog=64)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
