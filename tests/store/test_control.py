"""Pauses and the restart signal."""

from __future__ import annotations

import pytest

from leadq.store.records import Pause
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home


def test_nothing_is_paused_at_first_and_nobody_has_asked_for_a_restart(store: Store) -> None:
    assert store.control.pauses() == []
    assert store.control.restart_signal() == 0


def test_a_pause_is_seen_by_everybody(store: Store, other_store: Store, time_now: Clock) -> None:
    store.control.pause("high", until=None, reason="mail is down")
    store.control.pause(None, until=NOW + 60, reason=None)
    store.control.pause("a", until=None, reason="Grüße 🎉")
    assert other_store.control.pauses() == [
        Pause(queue=None, since=NOW, until=NOW + 60, reason=None),
        Pause(queue="a", since=NOW, until=None, reason="Grüße 🎉"),
        Pause(queue="high", since=NOW, until=None, reason="mail is down"),
    ]


def test_queues_are_told_apart_by_every_letter(store: Store) -> None:
    for queue in ("high", "High", "hïgh"):
        store.control.pause(queue, until=None, reason=None)
    assert sorted(str(pause.queue) for pause in store.control.pauses()) == ["High", "high", "hïgh"]
    assert [pause.queue for pause in store.control.resume("High")] == ["High"]


def test_a_pause_ends_by_itself_by_the_second(store: Store, time_now: Clock) -> None:
    store.control.pause("high", until=NOW + 10, reason=None)
    time_now.pass_(9)
    assert len(store.control.pauses()) == 1
    time_now.pass_(1)
    assert store.control.pauses() == []
    assert store.control.resume("high") == []


def test_pauses_that_are_over_are_deleted_on_occasion(home: Home, store: Store, time_now: Clock) -> None:
    store.control.pause("high", until=NOW + 10, reason=None)
    time_now.pass_(10)
    assert home.count("pauses") == 1
    store.control.pause("low", until=None, reason=None)
    assert home.sql("SELECT queue FROM pauses") == [("low",)]


def test_pausing_again_keeps_the_beginning_and_says_anew_why_and_until_when(store: Store, time_now: Clock) -> None:
    store.control.pause("high", until=NOW + 10, reason="first")
    time_now.pass_(5)
    store.control.pause("high", until=None, reason="second")
    assert store.control.pauses() == [Pause(queue="high", since=NOW, until=None, reason="second")]


def test_a_pause_that_is_over_begins_anew(store: Store, time_now: Clock) -> None:
    store.control.pause("high", until=NOW + 10, reason="first")
    time_now.pass_(60)
    store.control.pause("high", until=None, reason=None)
    assert store.control.pauses() == [Pause(queue="high", since=NOW + 60, until=None, reason=None)]


def test_resuming_one_queue_leaves_the_others_and_the_pause_of_all(store: Store, time_now: Clock) -> None:
    for queue in ("high", "low", None):
        store.control.pause(queue, until=None, reason=None)
    assert store.control.resume("high") == [Pause(queue="high", since=NOW, until=None, reason=None)]
    assert [pause.queue for pause in store.control.pauses()] == [None, "low"]
    assert store.control.resume("high") == []


def test_resuming_all_ends_the_pauses_of_single_queues_too(home: Home, store: Store) -> None:
    for queue in ("high", "low", None):
        store.control.pause(queue, until=None, reason=None)
    assert [pause.queue for pause in store.control.resume(None)] == [None, "high", "low"]
    assert store.control.pauses() == []
    assert home.count("pauses") == 0


@pytest.mark.parametrize(("queue", "covered"), [(None, {"high", "low"}), ("high", {"high"})])
def test_a_pause_covers_its_queue_or_all(queue: str | None, covered: set[str]) -> None:
    pause = Pause(queue=queue, since=NOW, until=None, reason=None)
    assert {name for name in ("high", "low") if pause.covers(name)} == covered


def test_each_restart_is_another_signal(store: Store, other_store: Store) -> None:
    signals = [store.control.restart_signal()]
    for asking in (store, store, other_store):
        asking.control.restart()
        signals.append(store.control.restart_signal())
    assert len(set(signals)) == 4


def test_pauses_and_restarts_are_asked_for_in_one_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.control.pause("high", until=None, reason=None)
    store.control.restart()
    store.now()  # the database's clock is asked every few seconds
    database, asked = store._session.database, []
    execute = database.execute_sql
    monkeypatch.setattr(database, "execute_sql", lambda sql, params=None: (asked.append(sql), execute(sql, params))[1])
    orders = store.control.orders()
    assert ([pause.queue for pause in orders.pauses], orders.restart_signal) == (["high"], 1)
    assert len(asked) == 1
