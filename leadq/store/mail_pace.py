"""The pace of mails: MAIL_RATE holds for all workers of a database together."""

from __future__ import annotations

from typing import Any

from leadq.store.session import Session, in_transaction

THE_ONE = 1  # mail_pace.id
LONGEST_SECONDS_AHEAD = 3600  # nobody waits for so long, so nobody has reserved a moment so far ahead


class MailPace:
    """The row of `mail_pace`: when the next mail may leave."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.tables.mail_pace

    @in_transaction
    def reserve(self, *, interval: float, at_most: float) -> float:
        """Reserves the next free moment.

        Args:
            interval: seconds between two mails.
            at_most: seconds that the caller can wait.

        Returns:
            Seconds to wait for it. Nothing is reserved where that is longer than `at_most`.
        """
        now = int(self._session.exact_now() * 1000)
        free_at = max(now, self._free_at(now))
        if free_at - now > (interval + LONGEST_SECONDS_AHEAD) * 1000:  # the clock was put back
            free_at = now
        wait = (free_at - now) / 1000
        if wait <= at_most:
            taken = self._rows.update(next_at_ms=free_at + max(1, round(interval * 1000)))
            taken.where(self._rows.id == THE_ONE).execute()
        return wait

    def _free_at(self, now: int) -> int:
        found = self._locked()
        if not found:  # the first mail of all; somebody else may send it at the same moment
            self._rows.insert(id=THE_ONE, next_at_ms=now).on_conflict_ignore().execute()
            found = self._locked()
        return int(found[0][0])

    def _locked(self) -> list[Any]:
        rows = self._rows
        return list(self._session.locking(rows.select(rows.next_at_ms).where(rows.id == THE_ONE)).tuples())
