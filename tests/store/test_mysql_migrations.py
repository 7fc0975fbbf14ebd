"""Migrations on MySQL, which commits each table by itself: broken off and held up; and what they make."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadq.errors import StoreUnavailable
from leadq.store import dialect, mysql, schema
from leadq.store.dialect import open_database
from leadq.store.schema import LATEST, migrate
from tests import next_version
from tests.homes import Home
from tests.mariadb import MariaDbServer

pytestmark = pytest.mark.mariadb_only("DDL without transactions")

ENOUGH = 100  # statements; a migration has fewer


def tables_of(home: Home) -> dict[str, str]:
    """Every table and the statement that makes it."""
    names = [name for (name,) in home.sql("SHOW TABLES")]
    made = {name: home.sql(f"SHOW CREATE TABLE {name}")[0][1] for name in names}
    return {name: re.sub(r" AUTO_INCREMENT=\d+", "", statement) for name, statement in made.items()}


def migrate_until(home: Home, server: MariaDbServer, last: int) -> bool:
    """Migrates, and has the connection killed after `last` statements that change something; whether it came so far."""
    with closing(open_database(home.settings.database)) as database:
        execute, done = database.execute_sql, 0

        def execute_and_count(sql: str, params: Any = None) -> Any:
            nonlocal done
            result = execute(sql, params)
            done += sql.startswith(("CREATE", "ALTER", "INSERT"))
            if done == last:
                server.kill_connections(database.database)
            return result

        database.execute_sql = execute_and_count
        try:
            assert migrate(database) == [LATEST]
        except StoreUnavailable:
            assert done == last
        return done == last


def test_a_migration_that_breaks_off_anywhere_is_finished_by_the_next_run(home: Home, mariadb: MariaDbServer) -> None:
    fresh = tables_of(home)
    for last in range(1, ENOUGH):
        home.database.empty()
        if not migrate_until(home, mariadb, last):
            break
        home.leadq("migrate")
        assert tables_of(home) == fresh, last
        assert home.sql("SELECT name FROM leadq_migration") == [(LATEST,)], last
    assert len(fresh) < last < ENOUGH


def test_a_migration_waits_for_another_one_and_says_so_when_that_takes_too_long(
    home: Home, mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.database.empty()
    impatient = replace(dialect.MYSQL, before_ddl="SELECT GET_LOCK('leadq.migrate', 0)")
    monkeypatch.setattr(dialect, "MYSQL", impatient)
    with mariadb.connected() as other, other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('leadq.migrate', 0)")
        result = home.leadq("migrate", exit_code=1)
    assert result.stderr == (
        "Error: another migration has been running for 50 s\n  Try again; if it stays so: SHOW PROCESSLIST\n"
    )
    assert home.leadq("migrate").stdout == f"Applied {LATEST}.\n"


def test_a_migration_that_a_transaction_keeps_from_a_table_says_so_and_is_finished_by_the_next_run(
    home: Home, mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    migrations = shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations")
    (migrations / f"{next_version.LATEST}.py").write_text(next_version.MIGRATION)
    for name, value in (("MIGRATIONS", migrations), ("LATEST", next_version.LATEST), ("DDL_SECONDS", 0)):
        monkeypatch.setattr(schema, name, value)
    with mariadb.connected(home.settings.database.name) as other, other.cursor() as cursor:
        other.begin()
        cursor.execute("SELECT COUNT(*) FROM failed_jobs")
        result = home.leadq("migrate", exit_code=1)
    assert result.stderr.startswith("Error: the database row is locked by another transaction (Lock wait timeout")
    assert result.stderr.endswith("look for a program that keeps a transaction open.\n")
    assert "region" in home.database.columns("jobs")
    assert "region" not in home.database.columns("failed_jobs")
    assert home.leadq("migrate").stdout == f"Applied {next_version.LATEST}.\n"
    assert "region" in home.database.columns("failed_jobs")


def test_a_migration_stops_waiting_for_another_one_before_its_own_connection_stops_waiting_for_the_server() -> None:
    assert dialect.DDL_SECONDS < mysql.REPLY_SECONDS


def test_every_text_is_utf8_whatever_the_databases_own_character_set(home: Home) -> None:
    assert home.sql("SELECT @@character_set_database") == [("latin1",)]
    found = home.sql(
        "SELECT DISTINCT character_set_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL AND table_name != 'leadq_migration'"
    )
    assert found == [("utf8mb4", "utf8mb4_bin")]


def test_the_status_tells_what_is_missing_and_changes_nothing(home: Home) -> None:
    home.database.empty()
    assert "not applied" in home.leadq("migrate", "--status", exit_code=1).stdout
    assert home.sql("SHOW TABLES") == []
    home.leadq("migrate")
    assert "not applied" not in home.leadq("migrate", "--status").stdout


def test_a_database_that_is_newer_is_told_and_left_alone(home: Home) -> None:
    home.sql("UPDATE leadq_migration SET name = '9999_from_the_future'")
    assert home.leadq("migrate", exit_code=1).stderr == (
        f"Error: the database is newer than this program (it is at 9999_from_the_future, this program knows {LATEST})\n"
        "  Install the newer leadq on this host.\n"
    )
    assert "unknown to this program" in home.leadq("migrate", "--status", exit_code=1).stdout


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_home_is_made_on_a_server_where_the_environment_or_an_env_file_says_so(home: Home, place: str) -> None:
    home.database.empty()
    folder = home.path / "made"
    if place == "file":
        folder.mkdir()
        (folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in home.environment.items()))
        home.environment.clear()
    assert home.leadq("init", folder).stdout == f"{folder} is a home of leadq now.\n"
    assert home.sql("SELECT name FROM leadq_migration") == [(LATEST,)]
    assert not (folder / "storage" / "leadq.db").exists()
    assert home.leadq("--home", folder, "init", folder).stdout == f"{folder} is a home of leadq.\n"
