"""Whose turn it is, for many leads at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from leadq.store.records import Turn


class Round:
    """Hands out leads as `create_lead` does one by one: each goes to the user who has waited longest.

    Args:
        turns: the users, whose rows are locked.
        now: the store's time, at which the leads are given.
    """

    def __init__(self, turns: Iterable[Turn], now: int) -> None:
        self._waiting = [(turn.last_lead_at, turn.last_lead_id, turn.user_id) for turn in turns]
        self._now = now
        # the leads have no ids yet, but theirs will be higher than any before
        self._next_lead = max((last_lead for _, last_lead, _ in self._waiting), default=0) + 1
        heapq.heapify(self._waiting)

    def next_user(self) -> int | None:
        """The user who is given one more lead; None where there is none."""
        if not self._waiting:
            return None
        _, _, user_id = self._waiting[0]
        heapq.heapreplace(self._waiting, (self._now, self._next_lead, user_id))
        self._next_lead += 1
        return user_id
