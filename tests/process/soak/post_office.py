"""A mail server that can be made to misbehave, and that counts what it has accepted."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections import Counter
from email.parser import BytesHeaderParser
from typing import Any

from tests.mariadb import free_port
from tests.process.soak.figures import Figures
from tests.smtp_servers import MailServer

DROP, SILENCE = "dropped", "silent"
# what is told of each → (stage, reply or what it does instead)
FAULTS = {
    "421 at MAIL": ("mail", "421 4.3.2 Going down"),
    "550 at MAIL": ("mail", "550 5.7.1 Sender not welcome"),
    "450 at RCPT": ("rcpt", "450 4.2.1 Not now"),
    "550 at RCPT": ("rcpt", "550 5.1.1 No such user"),
    "drop before the dot": ("rcpt", DROP),
    "452 at the dot": ("dot", "452 4.3.1 No room"),
    "554 at the dot": ("dot", "554 5.6.0 Not this one"),
    "drop after the dot": ("dot", DROP),
    "silence after the dot": ("dot", SILENCE),
}
SLOWEST_REPLY_SECONDS = 0.3  # so that many a kill strikes between the acceptance and the record of it


class PostOffice(MailServer):
    """A server on a port that it can come back to.

    Args:
        seed: decides which mails a fault befalls.
        figures: where faults are counted.

    Attributes:
        fault: of FAULTS, what befalls some of the mails just now; None for nothing.
    """

    def __init__(self, seed: int, figures: Figures) -> None:
        super().__init__(port=free_port())
        self.fault: str | None = None
        self._chance = random.Random(f"{seed} mails")
        self._figures = figures
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._digests: dict[str, bytes] = {}
        self._altered: set[str] = set()
        self._untold = 0

    # --- what has arrived --------------------------------------------------------------------------

    def counts(self) -> Counter[str]:
        """How often each mail was accepted, by its job's uuid."""
        with self._lock:
            return self._counts.copy()

    @property
    def altered(self) -> set[str]:
        """The mails that came again in other bytes."""
        with self._lock:
            return set(self._altered)

    @property
    def untold(self) -> int:
        """How many mails were accepted without anybody being told so."""
        return self._untold

    def _keep(self, wire: bytes) -> None:
        message_id = str(BytesHeaderParser().parsebytes(wire)["Message-ID"])
        uuid = message_id.strip().removeprefix("<leadq.").partition("@")[0]
        digest = hashlib.sha256(wire).digest()
        with self._lock:
            self._counts[uuid] += 1
            if self._digests.setdefault(uuid, digest) != digest:
                self._altered.add(uuid)

    # --- the conversation --------------------------------------------------------------------------

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if reply := await self._fault(server, "mail"):
            return reply
        return await super().handle_MAIL(server, session, envelope, address, options)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if reply := await self._fault(server, "rcpt"):
            return reply
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if reply := await self._fault(server, "dot", envelope.content):
            return reply
        self._keep(envelope.content)
        await asyncio.sleep(self._chance.uniform(0, SLOWEST_REPLY_SECONDS))
        return "250 2.0.0 Ok: queued"

    async def _fault(self, server: Any, stage: str, wire: bytes | None = None) -> str | None:
        fault = self.fault
        if fault is None or FAULTS[fault][0] != stage or self._chance.random() < 0.5:
            return None
        self._figures.note(f"× {fault}")
        action = FAULTS[fault][1]
        if action not in {DROP, SILENCE}:
            return action
        if wire is not None and self._chance.random() < 0.5:
            self._keep(wire)
            self._untold += 1
        if action == DROP:
            server.transport.abort()
        await asyncio.Event().wait()  # until aiosmtpd cancels this, since the connection is closed
        return None
