"""The schema: versions, migrations, and what the rest of the code takes for granted about it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from leadq.config import load_settings
from leadq.errors import SchemaMismatch
from leadq.store.dialect import open_database
from leadq.store.records import QueueSize
from leadq.store.schema import LATEST, MIGRATIONS, MigrationStatus, migrate, migration_status
from leadq.store.store import Store
from leadq.store.tables import COLUMNS
from tests.homes import Home
from tests.store.conftest import enqueue

LARAVEL = {
    "jobs": {"id", "queue", "payload", "attempts", "reserved_at", "available_at", "created_at"},
    "failed_jobs": {"id", "uuid", "connection", "queue", "payload", "exception", "failed_at"},
    "job_batches": {
        "id",
        "name",
        "total_jobs",
        "pending_jobs",
        "failed_jobs",
        "failed_job_ids",
        "options",
        "cancelled_at",
        "created_at",
        "finished_at",
    },
}


@pytest.mark.parametrize("table", COLUMNS)
def test_the_code_and_the_database_agree_on_the_columns(home: Home, table: str) -> None:
    assert tuple(home.database.columns(table)) == COLUMNS[table]


@pytest.mark.parametrize("table", LARAVEL)
def test_laravels_tables_have_laravels_columns_and_a_default_for_every_other_one(home: Home, table: str) -> None:
    found = home.database.columns(table)
    assert found.keys() >= LARAVEL[table]
    for name in found.keys() - LARAVEL[table]:
        not_null, default = found[name]
        assert default is not None or not not_null, name


def test_the_newest_migration_is_the_latest() -> None:
    assert max(path.stem for path in MIGRATIONS.glob("[0-9]*.py")) == LATEST


def test_migrating_twice_applies_everything_once(home: Home) -> None:
    home.database.empty()
    with closing(open_database(home.settings.database, create=True)) as database:
        assert migration_status(database) == [MigrationStatus(name=LATEST, applied_at=None, known=True)]
        assert migrate(database) == [LATEST]
        assert migrate(database) == []
        (status,) = migration_status(database)
        assert (status.name, status.known) == (LATEST, True)
        assert status.applied_at is not None


def test_two_hosts_may_migrate_at_once(home: Home) -> None:
    home.database.empty()
    script = (
        "import os, sys; from pathlib import Path\n"
        "from leadq.config import load_settings\n"
        "from leadq.store.dialect import open_database\n"
        "from leadq.store.schema import migrate\n"
        "database = open_database(load_settings(Path(sys.argv[1]), os.environ).database, create=True)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(migrate(database)); database.close()\n"
    )
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home.path)],
            env={**os.environ, **home.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for host in hosts:
        assert host.stdout is not None
        host.stdout.readline()
    for host in hosts:
        assert host.stdin is not None
        host.stdin.write("\n")
        host.stdin.flush()
    ended = [host.communicate(timeout=20) for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0, 0], ended
    assert sorted(out.strip() for out, _ in ended) == sorted(["[]", "[]", f"['{LATEST}']"])


def test_a_database_without_tables_is_refused_with_what_to_type(home: Home) -> None:
    home.database.empty()
    with (
        closing(open_database(home.settings.database, create=True)) as database,
        pytest.raises(SchemaMismatch) as error,
    ):
        Store(database)
    assert (error.value.message, error.value.hint) == ("the database has no tables of leadq", "Run: leadq migrate")


def test_a_newer_database_is_refused_and_not_migrated(home: Home) -> None:
    home.sql("UPDATE leadq_migration SET name = '9999_from_the_future'")
    with closing(open_database(home.settings.database)) as database:
        for use in (Store, migrate):
            with pytest.raises(SchemaMismatch) as error:
                use(database)
            assert error.value.message == (
                f"the database is newer than this program (it is at 9999_from_the_future, this program knows {LATEST})"
            )
            assert error.value.hint == "Install the newer leadq on this host."
        assert [(m.name, m.known) for m in migration_status(database)] == [
            (LATEST, True),
            ("9999_from_the_future", False),
        ]


def test_an_older_database_is_refused_with_what_to_type(home: Home) -> None:
    home.sql("UPDATE leadq_migration SET name = '0000_before'")
    with closing(open_database(home.settings.database)) as database, pytest.raises(SchemaMismatch) as error:
        Store(database)
    assert error.value.message == (f"the database is older than this program (it is at 0000_before, expected {LATEST})")
    assert error.value.hint == "Run: leadq migrate"


def test_a_table_that_is_gone_is_an_error_with_what_to_type(home: Home, store: Store) -> None:
    home.sql("DROP TABLE jobs")
    with pytest.raises(SchemaMismatch) as error:
        store.jobs.sizes()
    assert error.value.message.startswith("the database lacks a table of leadq")
    assert error.value.hint == "Run: leadq migrate"


def test_a_file_survives_what_its_name_may_hold(tmp_path: Path) -> None:
    home = tmp_path / "a b?c#d%20e&mode=memory"
    settings = load_settings(home, {}).database
    with closing(open_database(settings, create=True)) as database:
        migrate(database)
        store = Store(database)
        enqueue(store)
        assert store.jobs.sizes() == [QueueSize(queue="default", pending=1, delayed=0, reserved=0)]
    assert (home / "storage" / "leadq.db").stat().st_size > 0


@pytest.mark.sqlite_only("its PRAGMAs")
def test_the_database_is_durable_and_allows_readers_beside_the_writer(store: Store) -> None:
    database = store._session.database
    pragmas = {name: database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
