"""A database that cannot be used: errors of ours, with the remedy."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import peewee
import pytest

from leadq.config import load_settings
from leadq.errors import ConfigError, SchemaMismatch, StoreContended, StoreError, StoreUnavailable
from leadq.store import dialect, sqlite
from leadq.store.store import Store
from leadq.store.trouble import explain, explained_errors
from tests.homes import Home
from tests.store.conftest import enqueue

of_files = pytest.mark.sqlite_only("what can befall a file")
of_file_locks = pytest.mark.sqlite_only("one lock for the whole file")


@of_files
def test_a_missing_file_is_an_error_and_is_not_made(home: Home) -> None:
    file = home.path / "storage" / "leadq.db"
    file.unlink()
    with pytest.raises(StoreUnavailable) as error:
        Store.open(home.settings.database)
    assert error.value.message == f"there is no database at {file}"
    assert error.value.hint == "Make it with: leadq migrate (or correct DB_DATABASE in .env)"
    assert not file.exists()


@of_files
def test_a_file_that_vanishes_after_it_was_looked_at_is_not_made_either(home: Home) -> None:
    database = dialect.open_database(home.settings.database)
    file = home.path / "storage" / "leadq.db"
    file.unlink()
    with pytest.raises(StoreUnavailable, match=r"^the database file cannot be opened"):
        Store(database)
    assert not file.exists()


@of_files
def test_a_folder_is_no_database(home: Home) -> None:
    home.environment["DB_DATABASE"] = "storage"
    with pytest.raises(StoreUnavailable, match=r"^there is no database at "):
        Store.open(home.settings.database)


@of_files
def test_a_file_of_something_else_is_an_error_and_stays_as_it_is(home: Home) -> None:
    file = home.path / "storage" / "leadq.db"
    file.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreError) as error:
        Store.open(home.settings.database)
    assert error.value.message.startswith("the file is not an SQLite database")
    assert error.value.hint == "Correct DB_DATABASE, or move the file away and run: leadq migrate"
    assert file.read_bytes() == b"Dear diary, " * 1000


@of_file_locks
def test_a_lock_that_stays_is_unavailable_and_what_was_asked_is_not_done(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    monkeypatch.setattr(sqlite, "PRAGMAS", {**sqlite.PRAGMAS, "busy_timeout": 0})
    with home.store() as store:
        other = sqlite3.connect(home.path / "storage" / "leadq.db", isolation_level=None)
        with closing(other):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable) as error:
                enqueue(store)
            assert error.value.message == "the database is locked by another program (database is locked)"
            assert store.jobs.sizes() == []  # readers are not kept out
        enqueue(store)
        assert home.count("jobs") == 1


@of_file_locks
def test_a_lock_that_ends_is_waited_for(home: Home, store: Store) -> None:
    other = sqlite3.connect(home.path / "storage" / "leadq.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, lambda: (other.execute("COMMIT"), other.close()))
    timer.start()
    enqueue(store)
    timer.join()
    assert home.count("jobs") == 1


@pytest.mark.parametrize(
    ("words", "kind", "begins"),
    [
        ("database is locked", StoreUnavailable, "the database is locked by another program"),
        ("database table is locked: jobs", StoreUnavailable, "the database is locked by another program"),
        ("database or disk is full", StoreUnavailable, "the disk is full"),
        ("attempt to write a readonly database", StoreUnavailable, "the database cannot be written"),
        ("unable to open database file", StoreUnavailable, "the database file cannot be opened"),
        ("disk I/O error", StoreUnavailable, "the disk reports an error"),
        ("file is not a database", StoreError, "the file is not an SQLite database"),
        ("database disk image is malformed", StoreError, "the database file is damaged"),
        ("no such table: jobs", SchemaMismatch, "the database lacks a table of leadq"),
        ("no such column: jobs.stage", SchemaMismatch, "the database lacks a column of leadq"),
        ("table jobs has no column named stage", SchemaMismatch, "the database lacks a column of leadq"),
        ("something new", StoreError, "the database refused a statement: something new"),
    ],
)
def test_the_drivers_errors_are_explained(words: str, kind: type[StoreError], begins: str) -> None:
    error = explain(peewee.OperationalError(words))
    assert type(error) is kind
    assert error.message.startswith(begins)
    assert words in error.message


@pytest.mark.parametrize(
    ("number", "words", "kind", "begins"),
    [
        (1129, "Host 'a' is blocked because of many connection errors", StoreUnavailable, "the database server has bl"),
        (1130, "Host 'a' is not allowed to connect", StoreUnavailable, "the database server lets no account log in"),
        (1820, "You must SET PASSWORD", StoreUnavailable, "the password of the database account has expired"),
        (3118, "Access denied. Account is locked.", StoreUnavailable, "the database account is locked"),
        (1969, "Query execution was interrupted", StoreUnavailable, "the database server has ended a statement"),
        (3024, "Query execution was interrupted", StoreUnavailable, "the database server has ended a statement"),
        (1213, "Deadlock found; try restarting", StoreContended, "the database has ended a deadlock"),
        (1412, "please retry", StoreContended, "a table has been changed since the transaction began"),
        (9999, "the disk is locked and malformed", StoreError, "the database refused a statement"),
    ],
)
def test_a_servers_errors_are_explained_by_their_number(
    number: int, words: str, kind: type[StoreError], begins: str
) -> None:
    error = explain(peewee.OperationalError(number, words))
    assert type(error) is kind
    assert error.message.startswith(begins)
    assert words in error.message


@pytest.mark.parametrize("kind", [peewee.OperationalError, sqlite3.OperationalError])
def test_trouble_in_the_middle_of_reading_rows_is_explained_too(kind: type[Exception]) -> None:
    with pytest.raises(StoreUnavailable, match=r"^the disk reports an error"), explained_errors():
        raise kind("disk I/O error")  # Peewee wraps what execute() raises, and not what fetching does


def test_a_database_that_leadq_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^PostgresqlDatabase is not supported: "):
        dialect.dialect_of(peewee.PostgresqlDatabase(None))


def test_after_an_interruption_a_half_done_transaction_is_dropped(home: Home, store: Store) -> None:
    enqueue(store)
    session = store._session
    session.database.begin(*session.dialect.begin)
    session.database.execute_sql("DELETE FROM jobs")
    store.reset()
    assert home.count("jobs") == 1
    enqueue(store)
    assert home.count("jobs") == 2


def test_a_new_file_is_its_owners_and_groups_alone(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {}).database
    with closing(dialect.open_database(settings, create=True)):
        assert settings.path is not None
        assert settings.path.stat().st_mode & 0o027 == 0
