"""The health of a database: what it tells, and that looking changes nothing."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator

import pytest

from leadq.errors import SchemaMismatch, StoreContended, StoreError, StoreUnavailable
from leadq.store.dialect import open_database
from leadq.store.health import DatabaseHealth, open_health
from leadq.store.store import Store
from tests.conftest import Clock
from tests.homes import Home
from tests.mariadb import MariaDbServer
from tests.store.conftest import claim, dead_pid, enqueue, worker

of_files = pytest.mark.sqlite_only("about the file")
of_servers = pytest.mark.mariadb_only("about the server")


@pytest.fixture
def health(home: Home) -> Iterator[DatabaseHealth]:
    """The health of a fresh home's database."""
    health = open_health(home.settings.database, reply_seconds=8)
    yield health
    health.close()


def words(health: DatabaseHealth) -> list[str]:
    return [trait.words for trait in health.locking()]


def contents(home: Home) -> list[object]:
    return [home.sql(f"SELECT * FROM {table}") for table in ("jobs", "leads", "users", "workers", "leadq_migration")]


def test_a_fresh_database_is_well(health: DatabaseHealth) -> None:
    health.require_current_schema()
    health.try_writing()
    assert health.tables() == []


def test_looking_and_trying_to_write_leave_no_trace(home: Home, store: Store, health: DatabaseHealth) -> None:
    enqueue(store)
    before = contents(home), home.database.columns("leadq_write_test")
    health.describe()
    health.locking()
    health.tables()
    health.clock_ahead()
    health.try_writing()
    assert (contents(home), home.database.columns("leadq_write_test")) == before
    assert before[1] == {}


def test_trying_to_write_takes_no_number_from_a_job(home: Home, store: Store, health: DatabaseHealth) -> None:
    enqueue(store)
    health.try_writing()
    enqueue(store)
    assert home.sql("SELECT id FROM jobs") == [(1,), (2,)]


def test_it_can_write_while_another_one_runs_jobs(store: Store, health: DatabaseHealth) -> None:
    enqueue(store)
    claim(store)
    health.try_writing()
    enqueue(store)
    assert claim(store)


@of_servers
def test_a_transaction_that_holds_jobs_is_not_waited_for(
    home: Home, mariadb: MariaDbServer, store: Store, health: DatabaseHealth
) -> None:
    enqueue(store)
    with mariadb.connected(home.environment["DB_DATABASE"]) as other, other.cursor() as cursor:
        other.begin()
        cursor.execute("SELECT * FROM jobs FOR UPDATE")
        health.try_writing()
        other.rollback()


@of_files
def test_a_file_that_is_locked_for_long_is_told_after_a_second(home: Home, health: DatabaseHealth) -> None:
    with contextlib.closing(sqlite3.connect(home.path / "storage" / "leadq.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another program"):
            health.try_writing()
    health.try_writing()


@of_servers
def test_a_table_that_is_locked_for_long_is_told_after_a_second(
    home: Home, mariadb: MariaDbServer, health: DatabaseHealth
) -> None:
    with mariadb.connected(home.environment["DB_DATABASE"]) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES jobs WRITE")
        with pytest.raises(StoreContended):
            health.try_writing()
    health.try_writing()


@of_files
def test_a_file_without_room_is_told(home: Home, health: DatabaseHealth) -> None:
    ((pages,),) = home.sql("PRAGMA page_count")
    health._database.execute_sql(f"PRAGMA max_page_count = {pages}")  # holds for one connection
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        health.try_writing()


@of_files
def test_a_file_that_takes_no_changes_is_told(home: Home, health: DatabaseHealth) -> None:
    make_read_only(home)
    with pytest.raises(StoreUnavailable, match="the database cannot be written"):
        health.try_writing()


def make_read_only(home: Home) -> None:
    """Marks the file as written by a later SQLite, which this one may only read, root too (fileformat2.html, 1.3.3)."""
    path = home.path / "storage" / "leadq.db"
    home.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[18] = 3
    path.write_bytes(content)


@of_servers
def test_a_server_that_takes_no_changes_is_told(mariadb: MariaDbServer, health: DatabaseHealth) -> None:
    mariadb.execute("SET GLOBAL read_only = 1")
    with pytest.raises(StoreUnavailable, match="the database server takes no changes"):
        health.try_writing()


@of_servers
@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_an_account_that_lacks_a_right_is_told(home: Home, mariadb: MariaDbServer, right: str) -> None:
    rights = ", ".join({"SELECT", "INSERT", "UPDATE", "DELETE"} - {right})
    mariadb.execute("CREATE USER visitor")
    try:
        mariadb.execute(f"GRANT {rights} ON {home.environment['DB_DATABASE']}.* TO visitor")
        home.environment |= {"DB_USERNAME": "visitor", "DB_PASSWORD": ""}
        with (
            contextlib.closing(open_health(home.settings.database, reply_seconds=8)) as health,
            pytest.raises(StoreError, match="the database account lacks a right"),
        ):
            health.try_writing()
    finally:
        mariadb.execute("DROP USER visitor")


def test_a_database_without_tables_is_a_schema_that_does_not_fit(home: Home) -> None:
    home.database.empty()
    open_database(home.settings.database, create=True)
    with contextlib.closing(open_health(home.settings.database, reply_seconds=8)) as health:
        with pytest.raises(SchemaMismatch, match="the database has no tables of leadq"):
            health.require_current_schema()
        (trait,) = health.tables()
    assert trait.words.startswith("there is no table deliveries, delivery_events, ")


def test_a_table_that_is_missing_is_named(home: Home, health: DatabaseHealth) -> None:
    home.sql("DROP TABLE mail_pace")
    (trait,) = health.tables()
    assert (trait.words, trait.remedy) == ("there is no table mail_pace", "Restore the database from a backup.")


@of_servers
def test_a_table_of_another_engine_or_character_set_is_named_with_what_to_type(
    home: Home, health: DatabaseHealth
) -> None:
    home.sql("ALTER TABLE mail_pace ENGINE=Aria")
    home.sql("ALTER TABLE workers CONVERT TO CHARACTER SET latin1")
    traits = health.tables()
    assert [trait.words for trait in traits] == [
        "mail_pace is Aria, which has no transactions",
        "workers is latin1_swedish_ci, which lacks letters",
    ]
    for trait in traits:
        assert trait.remedy is not None
        home.sql(trait.remedy)
    assert health.tables() == []


@of_files
def test_a_file_tells_how_it_is_shared(health: DatabaseHealth) -> None:
    assert words(health) == ["WAL", "synchronous FULL", "busy timeout 5 s"]
    assert re.match(rf"SQLite {sqlite3.sqlite_version}, 0\.\d MB", health.describe())


@of_files
def test_another_journal_mode_is_told_and_not_switched(home: Home, health: DatabaseHealth) -> None:
    home.sql("PRAGMA journal_mode = delete")
    wrong = health.locking()[0]
    assert wrong.words.startswith("journal mode DELETE instead of WAL")
    health.try_writing()
    assert home.sql("PRAGMA journal_mode") == [("delete",)]
    home.leadq("size")  # as its remedy says
    assert health.locking()[0].words == "WAL"


@of_servers
def test_a_server_tells_how_it_is_shared_and_that_a_power_cut_may_cost_a_lead(
    mariadb: MariaDbServer, health: DatabaseHealth
) -> None:
    assert words(health)[:3] == ["SKIP LOCKED", "READ COMMITTED", "strict mode"]
    assert words(health)[3].startswith("innodb_flush_log_at_trx_commit is not 1")
    assert "MariaDB" in health.describe()
    mariadb.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    try:
        assert words(health)[3] == "every commit flushed"
    finally:
        mariadb.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")


@of_servers
def test_a_session_that_a_proxy_has_changed_is_told(health: DatabaseHealth) -> None:
    health._database.execute_sql("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    health._database.execute_sql("SET SESSION sql_mode = ''")
    assert [trait.words for trait in health.locking() if trait.remedy][:2] == [
        "READ COMMITTED was asked for, and is SERIALIZABLE",
        "strict mode was asked for, and is off",
    ]


@of_files
def test_a_file_has_no_clock_of_its_own(health: DatabaseHealth) -> None:
    assert health.clock_ahead() is None


@of_servers
def test_a_server_tells_how_far_its_clock_is_ahead(health: DatabaseHealth) -> None:
    assert abs(health.clock_ahead() or 0) < 5
    health._database.execute_sql("SET timestamp = UNIX_TIMESTAMP() + 3600")
    assert 3590 < (health.clock_ahead() or 0) < 3610


# --- what the rooms of the store tell ----------------------------------------------------------------------


def test_due_jobs_are_told_by_queue_with_since_when_the_oldest_waits(store: Store, time_now: Clock) -> None:
    enqueue(store, queue="high")
    time_now.pass_(60)
    enqueue(store, queue="high")
    enqueue(store)
    enqueue(store, delay=30)
    assert [(one.queue, one.pending, one.oldest_due_at) for one in store.jobs.backlogs()] == [
        ("default", 1, time_now.now),
        ("high", 2, time_now.now - 60),
    ]
    claim(store, "high")
    claim(store)
    assert [(one.queue, one.oldest_due_at) for one in store.jobs.backlogs()] == [("high", time_now.now)]


def test_held_jobs_are_counted_apart(home: Home, store: Store) -> None:
    enqueue(store)
    enqueue(store)
    home.sql("UPDATE jobs SET stage = 3 WHERE id = 1")
    assert store.outages.held_jobs() == 1
    assert [one.pending for one in store.jobs.backlogs()] == [1]


def test_the_newest_error_of_a_kind_is_told(home: Home, store: Store) -> None:
    assert store.jobs.newest_error(ending="(config)") is None
    for error in ("AUTH refused: 535 1 (config)", "AUTH refused: 535 2 (config)", "CONNECT failed (transport)"):
        enqueue(store)
        home.sql("UPDATE jobs SET stage = 0, last_error = ? WHERE last_error IS NULL", error)
    assert store.jobs.newest_error(ending="(config)") == "AUTH refused: 535 2 (config)"


def test_a_worker_that_is_gone_and_what_it_held_are_told_and_left_as_they_are(
    home: Home, store: Store, time_now: Clock
) -> None:
    enqueue(store)
    worker_id = worker(store)
    claim(store, worker_id=worker_id)
    assert (store.workers.gone(retry_after=90), store.workers.orphaned_jobs(retry_after=90)) == ([], 0)
    home.sql("UPDATE workers SET pid = ?", dead_pid())
    (reason,) = store.workers.gone(retry_after=90)
    assert reason.startswith("worker test (pid ")
    assert reason.endswith(" is gone")
    assert store.workers.orphaned_jobs(retry_after=90) == 1
    assert store.workers.orphaned_jobs(retry_after=90) == 1
    assert home.count("workers") == 1


def test_a_worker_that_is_silent_and_jobs_of_one_that_is_not_entered_are_told(
    home: Home, store: Store, time_now: Clock
) -> None:
    enqueue(store)
    enqueue(store)
    worker_id = worker(store)
    claim(store, worker_id=worker_id)
    claim(store, worker_id=worker_id + 7)
    assert store.workers.orphaned_jobs(retry_after=90) == 1
    time_now.pass_(91)
    (reason,) = store.workers.gone(retry_after=90)
    assert reason.endswith(" was silent for 91 s")
    assert store.workers.orphaned_jobs(retry_after=90) == 2


def test_the_store_of_a_health_is_a_store(health: DatabaseHealth) -> None:
    enqueue(health.store())
    assert health.store().jobs.backlogs()[0].pending == 1
