"""Queries that are run for every job: built and turned into SQL once, which takes Peewee longer than running them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database


@dataclass(frozen=True)
class Slot:
    """Stands in a query for a value that is given when it is run."""

    name: str


class Prepared:
    """A query with slots.

    Args:
        database: where it is run.
        query: a Peewee query; a Slot may stand wherever a value may.
    """

    def __init__(self, database: Database, query: Any) -> None:
        self._database = database
        sql, values = query.sql()
        mark = database.param
        self._sql, *pieces = sql.split(mark)
        self._values = []
        for value, piece in zip(values, pieces, strict=True):
            is_constant = isinstance(value, int)  # its own, such as a stage: not to be sent, and escaped, each time
            self._sql += f"{value if is_constant else mark}{piece}"
            if not is_constant:
                self._values.append(value)

    def execute(self, **slots: Any) -> Any:
        """Runs it and returns the driver's cursor."""
        values = [slots[value.name] if isinstance(value, Slot) else value for value in self._values]
        return self._database.execute_sql(self._sql, values)

    def row(self, **slots: Any) -> tuple[Any, ...] | None:
        """Its first row."""
        row: tuple[Any, ...] | None = self.execute(**slots).fetchone()
        return row

    def rows(self, **slots: Any) -> list[tuple[Any, ...]]:
        """All its rows."""
        return list(self.execute(**slots).fetchall())

    def changed(self, **slots: Any) -> int:
        """How many rows it changed or deleted."""
        count: int = self.execute(**slots).rowcount
        return count


class PreparedRows:
    """An INSERT of any number of rows in one statement.

    Args:
        database: where it is run.
        table: a bound Peewee table.
        columns: what each row gives, in this order.
    """

    def __init__(self, database: Database, table: Any, columns: Sequence[str]) -> None:
        self._database = database
        sql, slots = table.insert({column: Slot(column) for column in columns}).sql()
        self._head, _, self._row = sql.rpartition(" VALUES ")
        self._order = [columns.index(slot.name) for slot in slots]

    def execute(self, rows: Sequence[Sequence[Any]]) -> Any:
        """Runs it for `rows`, of which there is at least one, and returns the driver's cursor."""
        values = [row[place] for row in rows for place in self._order]
        return self._database.execute_sql(f"{self._head} VALUES {', '.join([self._row] * len(rows))}", values)

    def stored(self, row: Sequence[Any]) -> int:
        """Runs it for one row and returns the row's id."""
        return int(self.execute([row]).lastrowid)
