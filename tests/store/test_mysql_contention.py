"""Transactions that get in each other's way: the one that the server takes back is begun anew, and counts once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pymysql
import pytest

from leadq.errors import StoreContended
from leadq.store import mysql, session
from leadq.store.records import ClaimedJob
from leadq.store.store import Store
from tests.homes import PATIENCE_SECONDS, Home
from tests.mariadb import MariaDbDatabase
from tests.store.conftest import FAILED, claim, enqueue_notification

pytestmark = pytest.mark.mariadb_only("row locks")


def claimed_notifications(store: Store, count: int) -> list[ClaimedJob]:
    for _ in range(count):
        enqueue_notification(store)
    return [claim(store, worker_id=number) for number in range(1, count + 1)]


def failures(home: Home, jobs: list[ClaimedJob]) -> list[tuple[int, int]]:
    """For each job, how often it is in failed_jobs and how often its story tells of it."""
    counts = "(SELECT COUNT(*) FROM failed_jobs WHERE uuid = ?), (SELECT COUNT(*) FROM delivery_events WHERE uuid = ?)"
    return [home.sql(f"SELECT {counts}", job.uuid, job.uuid)[0] for job in jobs]


@contextmanager
def locked_elsewhere(home: Home, job: ClaimedJob) -> Iterator[pymysql.Connection]:
    """Another program keeps a job's row locked, until the connection's transaction ends."""
    assert isinstance(home.database, MariaDbDatabase)
    with home.database.server.connected(home.database.name) as connection:
        connection.begin()
        connection.cursor().execute(f"SELECT * FROM jobs WHERE id = {job.id} FOR UPDATE")
        yield connection


def wait_for_rows(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """How long stores that are opened from now on wait for a row; 0: not at all."""
    name = "innodb_lock_wait_timeout = "
    changed = [text.replace(f"{name}{mysql.LOCK_SECONDS}", f"{name}{seconds}") for text in mysql.SESSION]
    assert changed != list(mysql.SESSION)
    monkeypatch.setattr(mysql, "SESSION", changed)


class Crossing:
    """Two transactions, each of which ends a job of its own and then wants the row of the other's."""

    def __init__(self, home: Home, store: Store) -> None:
        self.jobs = claimed_notifications(store, 2)
        self.rounds = [0, 0]
        self._home = home
        self._meeting = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def cross(self, store: Store, number: int) -> None:
        def work() -> None:
            self.rounds[number] += 1
            assert store.settlements.settle(self.jobs[number], FAILED)
            if self.rounds[number] == 1:
                self._meeting.wait()
            store.claims.claim_by_id(self.jobs[1 - number].id, 9)

        store.transact(work)

    def cross_alone(self, number: int) -> None:
        with self._home.store() as store:
            self.cross(store, number)


class Failing:
    """A transaction that moves jobs to the failed ones, and counts how often it is begun."""

    def __init__(self, store: Store, *jobs: ClaimedJob) -> None:
        self.rounds = 0
        self._store = store
        self._jobs = jobs

    def __call__(self) -> None:
        self.rounds += 1
        for job in self._jobs:
            self._store.settlements.settle(job, FAILED)


def test_of_two_transactions_in_a_deadlock_one_is_begun_anew_and_both_count_once(home: Home, store: Store) -> None:
    crossing = Crossing(home, store)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(crossing.cross_alone, (0, 1)))
    assert sorted(crossing.rounds) == [1, 2]
    assert failures(home, crossing.jobs) == [(1, 1), (1, 1)]
    assert home.count("jobs") == 0


def test_a_transaction_that_has_waited_too_long_for_a_row_is_begun_anew_and_counts_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_rows(monkeypatch, 1)
    with home.store() as store:
        free, locked = claimed_notifications(store, 2)
        rounds = 0

        def work() -> None:
            nonlocal rounds
            rounds += 1
            assert store.settlements.settle(free, FAILED)
            if rounds == 2:
                other.rollback()
            assert store.settlements.settle(locked, FAILED)

        with locked_elsewhere(home, locked) as other:
            store.transact(work)
    assert rounds == 2
    assert failures(home, [free, locked]) == [(1, 1), (1, 1)]


def test_a_row_that_stays_locked_is_an_error_in_the_end_and_nothing_has_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_rows(monkeypatch, 0)
    monkeypatch.setattr(session, "CONTENTION_SECONDS", 0.5)
    with home.store() as store:
        free, locked = claimed_notifications(store, 2)
        work = Failing(store, free, locked)
        with locked_elsewhere(home, locked), pytest.raises(StoreContended) as error:
            store.transact(work)
        assert error.value.message.startswith("the database row is locked by another transaction")
        assert error.value.hint is not None
        assert work.rounds > 1
        assert failures(home, [free, locked]) == [(0, 0), (0, 0)]
        assert store.settlements.settle(locked, FAILED)


def test_in_the_applications_own_transaction_a_locked_row_is_an_error_at_once_and_undoes_no_more_than_leadqs_part(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_rows(monkeypatch, 0)
    with home.store() as store:
        free, locked = claimed_notifications(store, 2)
        work = Failing(store, free, locked)
        with locked_elsewhere(home, locked), store._session.database.atomic():
            store._session.database.execute_sql("UPDATE leads SET name = 'of the application'")
            with pytest.raises(StoreContended):
                store.transact(work)
        assert work.rounds == 1
        assert failures(home, [free, locked]) == [(0, 0), (0, 0)]
        assert home.sql("SELECT DISTINCT name FROM leads") == [("of the application",)]


def test_in_the_applications_own_transaction_a_deadlock_is_an_error_at_once(home: Home, store: Store) -> None:
    crossing = Crossing(home, store)

    def cross_in_transaction(number: int) -> StoreContended | None:
        with home.store() as own:
            try:
                with own._session.database.atomic():
                    crossing.cross(own, number)
            except StoreContended as error:
                return error
            return None

    with ThreadPoolExecutor(2) as pool:
        errors = [error for error in pool.map(cross_in_transaction, (0, 1)) if error is not None]
    assert crossing.rounds == [1, 1]
    assert [error.message.partition(" (")[0] for error in errors] == ["the database has ended a deadlock"]
    assert sorted(failures(home, crossing.jobs)) == [(0, 0), (1, 1)]
