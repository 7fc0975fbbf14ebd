"""The rule for migrations: leadq/store/migrations/__init__.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from peewee import Database
from playhouse.migrations import Runner

from leadq.store.dialect import open_database
from leadq.store.schema import HISTORY, MIGRATIONS
from tests import next_version
from tests.homes import Home

TEMPLATE = '"""A migration."""\n\n\ndef up(migrator, db):\n    db.execute_sql({!r})\n'

REFUSED = {
    "a column is dropped": (
        "ALTER TABLE mail_pace DROP COLUMN next_at_ms",
        ["mail_pace.next_at_ms is gone"],
    ),
    "a column is renamed": (
        "ALTER TABLE jobs RENAME COLUMN last_error TO error_before",
        ["jobs.last_error is gone"],
    ),
    "a table is dropped": ("DROP TABLE pauses", ["pauses is gone"]),
    "a table is renamed": ("ALTER TABLE pauses RENAME TO paused_queues", ["pauses is gone"]),
    "an index is dropped": {
        "sqlite": ("DROP INDEX job_batches_created_at_id", ["the index job_batches_created_at_id is gone or another"]),
        "mariadb": (
            "DROP INDEX job_batches_created_at_id ON job_batches",
            ["the index job_batches_created_at_id is gone or another"],
        ),
    },
    "an old column becomes unique": (
        "CREATE UNIQUE INDEX one_by_name ON workers (name)",
        ["workers: one_by_name has old columns be unique"],
    ),
    "an old and a new column together become unique": (
        "CREATE UNIQUE INDEX one_by_host ON pauses (reason, until)",
        ["pauses: one_by_host has old columns be unique"],
    ),
}
REFUSED_ON_MARIADB = {
    "a new column has no default": (
        "ALTER TABLE pauses ADD COLUMN by_whom VARCHAR(64) NOT NULL",
        ["pauses.by_whom is neither nullable nor has it a default"],
    ),
    "a column has another type": (
        "ALTER TABLE mail_pace MODIFY next_at_ms INT NOT NULL",
        ["mail_pace.next_at_ms has changed"],
    ),
    "a column becomes NOT NULL": (
        "ALTER TABLE pauses MODIFY until BIGINT NOT NULL",
        ["pauses.until has changed"],
    ),
    "a default is gone": (
        "ALTER TABLE jobs ALTER COLUMN priority DROP DEFAULT",
        ["jobs.priority has changed"],
    ),
    "an old column refers to another table": (
        "ALTER TABLE jobs ADD FOREIGN KEY (worker_id) REFERENCES workers (id)",
        ["jobs: what its columns refer to has changed"],
    ),
}


@dataclass(frozen=True)
class TableShape:
    """What the version before may reckon with in one table.

    Attributes:
        columns: by name: type, whether nullable, whether in the primary key, default. None for a generated column,
            which nobody writes and SQLite does not list.
        indexes: by name: columns, whether unique.
        references: column, table and column that it refers to.
    """

    columns: dict[str, tuple[Any, ...] | None]
    indexes: dict[str, tuple[tuple[str, ...], bool]]
    references: set[tuple[str, str, str]]


def shape_of(database: Database) -> dict[str, TableShape]:
    return {table: _table_shape(database, table) for table in database.get_tables() if table != "sqlite_sequence"}


def _table_shape(database: Database, table: str) -> TableShape:
    names = [column[0] for column in database.execute_sql(f"SELECT * FROM {table} LIMIT 0").description]
    listed = {column.name: column for column in database.get_columns(table)}
    return TableShape(
        columns={
            name: (column.data_type, column.null, column.primary_key, column.default)
            if (column := listed.get(name))
            else None
            for name in names
        },
        indexes={index.name: (tuple(index.columns), index.unique) for index in database.get_indexes(table)},
        references={(key.column, key.dest_table, key.dest_column) for key in database.get_foreign_keys(table)},
    )


def broken_rules(before: dict[str, TableShape], after: dict[str, TableShape]) -> Iterator[str]:
    """What a program that knows the schema `before` could stumble over in that `after`."""
    for name, old in before.items():
        if name in after:
            yield from _broken_in_table(name, old, after[name])
        else:
            yield f"{name} is gone"


def _broken_in_table(table: str, old: TableShape, new: TableShape) -> Iterator[str]:
    for column, shape in old.columns.items():
        if column not in new.columns:
            yield f"{table}.{column} is gone"
        elif new.columns[column] != shape:
            yield f"{table}.{column} has changed"
    for column in new.columns.keys() - old.columns.keys():
        shape = new.columns[column]
        if shape is not None and not shape[1] and shape[3] is None:
            yield f"{table}.{column} is neither nullable nor has it a default"
    for index, index_shape in old.indexes.items():
        gone_with_column = set(index_shape[0]) - new.columns.keys()
        if not gone_with_column and new.indexes.get(index) != index_shape:
            yield f"the index {index} is gone or another"
    for index in new.indexes.keys() - old.indexes.keys():
        columns, unique = new.indexes[index]
        if unique and old.columns.keys() & set(columns):
            yield f"{table}: {index} has old columns be unique"
    if {key for key in new.references if key[0] in old.columns} != old.references:
        yield f"{table}: what its columns refer to has changed"


def rules_broken_by_migrations(home: Home, folder: Path) -> dict[str, list[str]]:
    """What each migration of a folder, the first one aside, breaks."""
    home.database.empty()
    with closing(open_database(home.settings.database, create=True)) as database:
        runner = Runner(database, str(folder), table_name=HISTORY)
        first, *others = (migration.name for migration in runner.migrations())
        runner.up(first)
        found, before = {}, shape_of(database)
        for name in others:
            assert runner.up(name) == [name]
            after = shape_of(database)
            found[name] = list(broken_rules(before, after))
            before = after
        return found


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy of leadq's migrations, to add some to."""
    return shutil.copytree(MIGRATIONS, tmp_path / "migrations")


def test_every_migration_only_adds(home: Home) -> None:
    assert {name: broken for name, broken in rules_broken_by_migrations(home, MIGRATIONS).items() if broken} == {}


def test_one_that_only_adds_passes(home: Home, migrations: Path) -> None:
    (migrations / f"{next_version.LATEST}.py").write_text(next_version.MIGRATION)
    assert rules_broken_by_migrations(home, migrations)[next_version.LATEST] == []


@pytest.mark.parametrize("how", REFUSED)
def test_one_that_does_not_is_told(home: Home, migrations: Path, how: str) -> None:
    case: Any = REFUSED[how]
    if isinstance(case, dict):
        case = case["sqlite" if home.settings.database.path else "mariadb"]
    _refused(home, migrations, *case)


@pytest.mark.mariadb_only("SQLite knows no such statements")
@pytest.mark.parametrize("how", REFUSED_ON_MARIADB)
def test_one_that_changes_a_column_is_told(home: Home, migrations: Path, how: str) -> None:
    _refused(home, migrations, *REFUSED_ON_MARIADB[how])


def _refused(home: Home, migrations: Path, statement: str, expected: list[str]) -> None:
    (migrations / "0099_bad.py").write_text(TEMPLATE.format(statement))
    assert rules_broken_by_migrations(home, migrations)["0099_bad"] == expected


@pytest.mark.mariadb_only("DDL without transactions")
def test_the_example_finishes_what_was_broken_off(home: Home, migrations: Path) -> None:
    (migrations / f"{next_version.LATEST}.py").write_text(next_version.MIGRATION)
    with closing(open_database(home.settings.database)) as database:
        runner = Runner(database, str(migrations), table_name=HISTORY)
        runner.up()
        whole = shape_of(database)
        for undo in (
            "DROP TABLE regions",
            "DROP INDEX jobs_region ON jobs",
            "ALTER TABLE leads DROP COLUMN region",
            "ALTER TABLE failed_jobs DROP COLUMN region",
        ):
            database.execute_sql(undo)
            runner.History.delete().where(runner.History.name == next_version.LATEST).execute()
            assert runner.up() == [next_version.LATEST]
            assert shape_of(database) == whole
