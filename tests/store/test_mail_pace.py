"""MAIL_RATE: all workers of a database share one pace."""

from __future__ import annotations

import pytest

from leadq.store.session import Session
from leadq.store.store import Store


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The time, which stands still."""
    time = {"now": 1_000_000.0}
    monkeypatch.setattr(Session, "exact_now", lambda _: time["now"])
    return time


def test_moments_are_given_out_one_after_the_other_whoever_asks(
    store: Store, other_store: Store, at: dict[str, float]
) -> None:
    waits = [one.mail_pace.reserve(interval=0.25, at_most=10) for one in (store, other_store, store, other_store)]
    assert waits == [0, 0.25, 0.5, 0.75]


def test_time_that_nobody_used_is_not_made_up_for(store: Store, at: dict[str, float]) -> None:
    store.mail_pace.reserve(interval=0.5, at_most=10)
    at["now"] += 60
    assert [store.mail_pace.reserve(interval=0.5, at_most=10) for _ in range(3)] == [0, 0.5, 1]


def test_a_moment_that_is_too_far_off_is_not_taken(store: Store, at: dict[str, float]) -> None:
    waits = [store.mail_pace.reserve(interval=30, at_most=10) for _ in range(3)]
    assert waits == [0, 30, 30]


def test_a_clock_that_is_put_back_does_not_stop_the_mail(store: Store, at: dict[str, float]) -> None:
    store.mail_pace.reserve(interval=1, at_most=10)
    at["now"] -= 86400
    assert store.mail_pace.reserve(interval=1, at_most=10) == 0
    assert store.mail_pace.reserve(interval=1, at_most=10) == 1
