"""leadq.create_lead: a lead and its notification, in the application's transaction where there is one."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from contextlib import closing
from typing import Any

import peewee
import pytest

import leadq
from leadq.store import sqlite
from tests.api.conftest import application_database
from tests.homes import Home

ANA: dict[str, Any] = {"name": "Ana", "email": "ana@client.example"}


@pytest.fixture
def with_home(placed: Home) -> Home:
    leadq.configure(home=placed.path)
    return placed


@pytest.fixture
def with_database(placed: Home, app_db: peewee.Database) -> Home:
    leadq.configure(home=placed.path, database=app_db)
    return placed


def counts(home: Home) -> list[int]:
    return [home.count(table) for table in ("orders", "leads", "jobs", "deliveries")]


def test_every_field_is_stored_and_returned(with_home: Home) -> None:
    lead = leadq.create_lead(
        name=" Ana 😀 ",
        email="ana@client.example",
        phone="+49 30 1",
        company="Acme",
        source="web",
        message="Hi",
        user="Ana@Example.com",
        queue="high",
        delay=3600,
        priority=-5,
    )
    assert dataclasses.astuple(lead)[:8] == (
        1,
        "Ana 😀",
        "ana@client.example",
        "+49 30 1",
        "Acme",
        "web",
        "Hi",
        1,
    )
    assert with_home.json("lead", "show", 1)["lead"]["name"] == "Ana 😀"
    ((queue, priority, wait),) = with_home.sql("SELECT queue, priority, available_at - created_at FROM jobs")
    assert (queue, priority, wait) == ("high", -5, 3600)
    with pytest.raises(dataclasses.FrozenInstanceError):
        lead.name = "Bo"  # type: ignore[misc]


@pytest.mark.parametrize("user", [2, "2", "bo@example.com", "BO@example.com"])
def test_the_user_by_number_or_address(with_home: Home, user: int | str) -> None:
    assert leadq.create_user(name="Bo", email="bo@example.com").id == 2
    assert leadq.create_lead(**ANA, user=user).user_id == 2


def test_without_a_user_it_is_the_one_who_has_waited_longest(with_home: Home) -> None:
    leadq.create_user(name="Bo", email="bo@example.com")
    assert [leadq.create_lead(**ANA).user_id for _ in range(3)] == [1, 2, 1]


def test_without_anybody_the_lead_is_kept(with_home: Home, caplog: pytest.LogCaptureFixture) -> None:
    with_home.leadq("user", "deactivate", 1)
    caplog.clear()
    assert leadq.create_lead(**ANA).user_id is None
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "Nobody is told of lead 1: there is no active user"
    ]
    assert with_home.count("jobs") == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": " "}, "the lead's name is empty"),
        ({"name": None}, "the lead's name is of type NoneType: expected text"),
        ({"email": None}, "the lead's email is of type NoneType: expected text"),
        ({"email": "nobody"}, "nobody"),
        ({"phone": 49}, "the lead's phone is of type int: expected text"),
        ({"name": "x" * 256}, "the lead's name has 256 characters: expected at most 255"),
        ({"user": True}, "the user is of type bool: expected a number or an address"),
        ({"queue": "a,b"}, "the queue 'a,b' is wrong"),
        ({"queue": ""}, "the queue '' is wrong"),
        ({"delay": -1}, "the delay -1 is out of range"),
        ({"delay": float("nan")}, "the delay nan is out of range"),
        ({"delay": "60"}, "the delay is of type str: expected seconds or a timedelta"),
        ({"priority": 2**31}, "priority 2147483648 is out of range"),
        ({"priority": "high"}, "the priority is of type str: expected a whole number"),
    ],
)
def test_what_cannot_be_accepted_is_invalid_input(with_home: Home, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(leadq.InvalidInput) as caught:
        leadq.create_lead(**{**ANA, **fields})
    assert told in caught.value.message
    assert with_home.count("leads") == 0


@pytest.mark.parametrize(
    ("name", "email", "told"),
    [
        ("Bo", "ANA@example.com", "user 1 has the address ana@example.com already"),
        ("", "bo@example.com", "the user's name is empty"),
        ("Bo", "nobody", "nobody"),
        (None, "bo@example.com", "the user's name is of type NoneType: expected text"),
    ],
)
def test_a_user_that_cannot_be_accepted_is_invalid_input(with_home: Home, name: Any, email: str, told: str) -> None:
    with pytest.raises(leadq.InvalidInput) as caught:
        leadq.create_user(name=name, email=email)
    assert told in caught.value.message
    assert with_home.count("users") == 1


@pytest.mark.parametrize("user", [7, "nobody@example.com"])
def test_an_unknown_user_is_not_found_and_nothing_is_stored(with_home: Home, user: int | str) -> None:
    with pytest.raises(leadq.NotFound, match="there is no user"):
        leadq.create_lead(**ANA, user=user)
    assert with_home.count("leads") == 0


def test_what_happens_is_logged_under_leadq(with_home: Home, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="leadq"):
        leadq.create_lead(**ANA)
    told = [(record.getMessage(), getattr(record, "fields", {})) for record in caplog.records]
    ((uuid,),) = with_home.sql("SELECT uuid FROM jobs")
    assert told == [
        ("Lead created", {"lead": 1, "user": 1}),
        ("Job dispatched", {"job": uuid, "queue": "default", "lead": 1}),
    ]


# --- the application's transaction -------------------------------------------------------------------


def test_all_commits_together(with_database: Home, app_db: peewee.Database) -> None:
    with app_db.atomic():
        app_db.execute_sql("INSERT INTO orders VALUES ('one')")
        leadq.create_lead(**ANA)
        assert with_database.sql("SELECT COUNT(*) FROM leads") == [(0,)]  # as another program sees it
    assert counts(with_database) == [1, 1, 1, 1]


def test_all_rolls_back_together(with_database: Home, app_db: peewee.Database) -> None:
    with app_db.atomic() as transaction:
        app_db.execute_sql("INSERT INTO orders VALUES ('one')")
        leadq.create_lead(**ANA)
        transaction.rollback()
    assert counts(with_database) == [0, 0, 0, 0]
    assert leadq.create_lead(**ANA).user_id == 1


def test_a_lead_that_is_refused_leaves_the_applications_transaction_as_it_was(
    with_database: Home, app_db: peewee.Database
) -> None:
    with app_db.atomic():
        app_db.execute_sql("INSERT INTO orders VALUES ('one')")
        with pytest.raises(leadq.NotFound):
            leadq.create_lead(**ANA, user=99)
        leadq.create_lead(**ANA)
    assert counts(with_database) == [1, 1, 1, 1]


def test_a_savepoint_of_the_applications_takes_its_leads_with_it(with_database: Home, app_db: peewee.Database) -> None:
    with app_db.atomic():
        leadq.create_lead(**ANA)
        with app_db.atomic() as savepoint:
            app_db.execute_sql("INSERT INTO orders VALUES ('one')")
            leadq.create_lead(**ANA)
            savepoint.rollback()
    assert counts(with_database) == [0, 1, 1, 1]


def test_a_connection_that_the_application_has_open_stays_open(with_database: Home, app_db: peewee.Database) -> None:
    app_db.connect()
    leadq.create_lead(**ANA)
    assert not app_db.is_closed()


def test_a_connection_that_it_has_not_is_closed_again(with_database: Home, app_db: peewee.Database) -> None:
    leadq.create_lead(**ANA)
    assert app_db.is_closed()


def test_it_opens_a_connection_although_the_application_opens_its_own_by_hand(placed: Home) -> None:
    database = application_database(placed, autoconnect=False)
    leadq.configure(home=placed.path, database=database)
    leadq.create_lead(**ANA)
    assert database.is_closed()


@pytest.mark.sqlite_only("the home's other connection waits for the application's there")
def test_with_a_home_alone_there_is_no_common_transaction(with_home: Home, app_db: peewee.Database) -> None:
    with app_db.atomic() as transaction:
        leadq.create_lead(**ANA)
        transaction.rollback()
    assert with_home.count("leads") == 1


@pytest.mark.sqlite_only("SQLite's write lock")
def test_with_a_home_alone_the_applications_write_lock_is_in_the_way(
    placed: Home, app_db: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PRAGMAS", {**sqlite.PRAGMAS, "busy_timeout": 50})
    leadq.configure(home=placed.path)
    with app_db.atomic():
        app_db.execute_sql("INSERT INTO orders VALUES ('one')")
        with pytest.raises(leadq.StoreUnavailable, match="the database is locked by another program"):
            leadq.create_lead(**ANA)
    assert counts(placed) == [1, 0, 0, 0]


@pytest.mark.mariadb_only("a session's character set and time zone are MySQL's")
def test_a_connection_that_cannot_carry_every_letter_is_refused(placed: Home) -> None:
    leadq.configure(home=placed.path, database=application_database(placed, charset="utf8mb3"))
    with pytest.raises(leadq.ConfigError, match="the character set utf8mb3: expected utf8mb4"):
        leadq.create_lead(**ANA)


@pytest.mark.mariadb_only("a session's character set and time zone are MySQL's")
@pytest.mark.parametrize("zone", ["+13:00", "-12:00"])
def test_the_time_does_not_depend_on_the_sessions_time_zone(
    with_database: Home, app_db: peewee.Database, zone: str
) -> None:
    app_db.connect()
    app_db.execute_sql(f"SET time_zone = '{zone}'")
    leadq.create_lead(**ANA)
    assert with_database.sql("SELECT ABS(CAST(available_at AS SIGNED) - UNIX_TIMESTAMP()) < 60 FROM jobs") == [(1,)]


@pytest.mark.sqlite_only("SQLite's write lock")
def test_a_transaction_that_begins_with_a_lead_waits_for_another_programs(
    with_database: Home, app_db: peewee.Database
) -> None:
    path = with_database.settings.database.path
    assert path is not None
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO orders VALUES ('theirs')")
        committer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        committer.start()
        with app_db.atomic():  # begins as SQLite does by itself: with the first look
            leadq.create_lead(**ANA)
        committer.join()
    assert counts(with_database) == [1, 1, 1, 1]
