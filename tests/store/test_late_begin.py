"""On MySQL a transaction begins along with its first statement, of which all else must stay as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import peewee
import pytest

from leadq.store.store import Store
from tests.homes import Home
from tests.store.conftest import enqueue

pytestmark = pytest.mark.mariadb_only("SQLite sends no packets")

INSERT = "INSERT INTO pauses (queue, since) VALUES (%s, 0)"


class Broken(Exception):
    """Ends a transaction."""


@contextmanager
def taken_back(database: Any) -> Iterator[None]:
    """A transaction that ends with an error."""
    with suppress(Broken), database.atomic():
        yield
        raise Broken


def test_what_the_first_statement_has_done_is_taken_back_with_the_rest(home: Home, store: Store) -> None:
    database = store._session.database
    with taken_back(database):
        assert database.execute_sql(INSERT, ("first",)).rowcount == 1
        database.execute_sql(INSERT, ("second",))
        assert home.count("pauses") == 0
    assert home.count("pauses") == 0


def test_its_reply_is_its_own(store: Store) -> None:
    database = store._session.database
    expected = enqueue(store).uuid
    with database.atomic():
        cursor = database.execute_sql("SELECT id, uuid FROM jobs")
        assert [description[0] for description in cursor.description] == ["id", "uuid"]
        ((job_id, uuid),) = cursor.fetchall()
    assert uuid == expected
    with database.atomic():
        inserted = database.execute_sql(
            "INSERT INTO jobs (queue, payload, available_at, created_at) VALUES ('', '', 0, 0)"
        )
        assert inserted.lastrowid > job_id


def test_one_that_fails_takes_the_transaction_with_it(home: Home, store: Store) -> None:
    database = store._session.database
    database.execute_sql(INSERT, ("first",))
    with pytest.raises(peewee.IntegrityError), database.atomic():
        database.execute_sql(INSERT, ("first",))
    with database.atomic():
        database.execute_sql(INSERT, ("second",))
    assert home.count("pauses") == 2


def test_one_without_a_statement_leaves_nothing_behind(home: Home, store: Store) -> None:
    database = store._session.database
    with database.atomic():
        pass
    with taken_back(database):
        pass
    database.execute_sql(INSERT, ("first",))
    assert home.count("pauses") == 1


def test_one_whose_connection_was_closed_before_it_began_never_does(home: Home, store: Store) -> None:
    database = store._session.database
    database.begin()
    store.reset()
    database.execute_sql(INSERT, ("first",))
    assert home.count("pauses") == 1


def test_one_with_a_level_of_its_own_begins_at_once(home: Home, store: Store) -> None:
    database = store._session.database
    with database.atomic("REPEATABLE READ"):
        assert database.execute_sql("SELECT COUNT(*) FROM pauses").fetchone() == (0,)
        home.sql(INSERT.replace("%s", "?"), "first")
        assert database.execute_sql("SELECT COUNT(*) FROM pauses").fetchone() == (0,)
