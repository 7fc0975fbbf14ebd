"""What stands between an attempt and the mailer: MAIL_OUTAGE=hold, and MAIL_RATE."""

from __future__ import annotations

import time
from dataclasses import dataclass

from leadq.config import MailSettings
from leadq.errors import MailError, MailHeld, MailOutageTooLong, MailPaced
from leadq.mail.letter import Message
from leadq.mail.mailer import Mailer
from leadq.receipt import Receipt
from leadq.store.records import ClaimedJob
from leadq.store.store import Store

SHARE_FOR_WAITING = 0.5  # of what an attempt has left: the rest is for the mail


@dataclass(frozen=True, kw_only=True)
class MailGate:
    """The rules under which mails may leave.

    Attributes:
        holds: whether jobs wait for the end of an outage, rather than spend their attempts on it.
        outage_max: seconds that a job waits at most.
        interval: seconds between two mails of all workers together; 0 for no limit.
    """

    holds: bool = False
    outage_max: float = 0
    interval: float = 0

    @classmethod
    def of(cls, mail: MailSettings) -> MailGate:
        """The rules that the settings ask for."""
        rate = mail.rate_per_second
        return cls(holds=mail.outage == "hold", outage_max=mail.outage_max, interval=1 / rate if rate else 0)

    def before(self, mailer: Mailer, store: Store, claimed: ClaimedJob) -> Mailer:
        """The mailer for one attempt: `mailer` itself where no rule is set."""
        return GatedMailer(mailer, self, store, claimed) if self.holds or self.interval else mailer

    def has_waited_too_long(self, claimed: ClaimedJob, now: int) -> bool:
        """Whether an outage holds this job no longer."""
        return now - claimed.available_at > self.outage_max


class GatedMailer(Mailer):
    """One attempt's mailer, which sends nothing while the rules forbid it.

    Attributes:
        reached: whether a mail server has dealt with the mail, for good or ill; False where no mail could leave, None
            where that was not seen.
    """

    def __init__(self, mailer: Mailer, gate: MailGate, store: Store, claimed: ClaimedJob) -> None:
        super().__init__(mailer.composer, mailer.transport)
        self.reached: bool | None = None
        self._gate = gate
        self._store = store
        self._claimed = claimed

    def send(self, message: Message, *, deadline: float) -> Receipt:
        """See Mailer.send.

        Raises:
            MailHeld: there is an outage, and another attempt looks for its end.
            MailOutageTooLong: and this job has waited for that as long as it may.
            MailPaced: the next mail may not leave in the time that this attempt has.
        """
        if self._gate.holds and not self._claimed.probe:
            self._refuse_in_an_outage()
        if self._gate.interval:
            self._await_turn(deadline)
        try:
            receipt = super().send(message, deadline=deadline)
        except MailError as error:
            self.reached = not error.is_outage
            raise
        self.reached = True
        return receipt

    def _refuse_in_an_outage(self) -> None:
        outage = self._store.outages.current()
        if outage is None:
            return
        if self._gate.has_waited_too_long(self._claimed, self._store.now()):
            raise MailOutageTooLong(
                f"no mail could leave for {self._gate.outage_max:g} s (MAIL_OUTAGE_MAX): {outage.error}",
                hint="Once mail can leave again: leadq retry all",
            )
        raise MailHeld(outage.error)

    def _await_turn(self, deadline: float) -> None:
        at_most = max(0.0, (deadline - time.monotonic()) * SHARE_FOR_WAITING)
        wait = self._store.mail_pace.reserve(interval=self._gate.interval, at_most=at_most)
        if wait > at_most:
            error = MailPaced(f"MAIL_RATE lets no mail go for {wait:.0f} s")
            error.retry_after = wait
            raise error
        time.sleep(wait)
