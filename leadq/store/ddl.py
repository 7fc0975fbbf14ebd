"""Making tables, for migrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import Database

from leadq.errors import SchemaMismatch

# whatever the database's own default: names in any script, compared as SQLite does, byte by byte
MYSQL_TABLE = ("ENGINE=InnoDB", "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin")


def create_missing(database: Database, models: Sequence[Any]) -> None:
    """Makes those of the tables and indexes that are not there, in this order.

    MySQL commits each by itself, so a migration that was broken off has left some, and it has no CREATE INDEX IF
    NOT EXISTS.

    Raises:
        SchemaMismatch: another program has a table of that name.
    """
    for model in models:
        _refuse_another_programs(database, model)
        model._schema.create_table(safe=True)
        present = {index.name for index in database.get_indexes(model._meta.table_name)}
        for index in model._meta.fields_to_index():
            if index._name not in present:
                database.execute(model._schema._create_index(index, safe=False))


def _refuse_another_programs(database: Database, model: Any) -> None:
    name = model._meta.table_name
    if not database.table_exists(name):
        return
    lacking = set(model._meta.columns) - {column.name for column in database.get_columns(name)}
    if lacking:
        raise SchemaMismatch(
            f"the database has a table {name} of another program: it lacks {', '.join(sorted(lacking))}",
            hint=f"Rename that table, or give leadq a database of its own (leadq's tables include {name}).",
        )
