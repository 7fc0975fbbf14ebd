"""What differs between databases, each with its reason. Queries elsewhere name no database."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import Database, SqliteDatabase

from leadq.config import DatabaseSettings
from leadq.errors import ConfigError, StoreUnavailable

SQLITE_BUSY_SECONDS = 5  # how long a statement waits for another program's write lock

SQLITE_PRAGMAS = {
    "journal_mode": "wal",  # readers and one writer at once
    "synchronous": 2,  # FULL: a commit that was acknowledged survives a power cut
    "foreign_keys": 1,
    "busy_timeout": SQLITE_BUSY_SECONDS * 1000,
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One database's peculiarities.

    Attributes:
        begin: how a transaction that will write begins. SQLite's plain BEGIN reads first and then fails to
            upgrade, at once and whatever the busy timeout, when another connection has written meanwhile:
            https://www.sqlite.org/lang_transaction.html
        change_counter: a query for a number that changes when another connection has committed; None where
            there is none. SQLite's costs 4 µs: https://www.sqlite.org/pragma.html#pragma_data_version
        clock: a query for the time in whole UTC seconds, where the database has a clock of its own: leases
            are reckoned by one clock, and hosts disagree. None where it runs on this host's.
    """

    begin: tuple[str, ...]
    change_counter: str | None
    clock: str | None


SQLITE = Dialect(begin=("IMMEDIATE",), change_counter="PRAGMA data_version", clock=None)


def dialect_of(database: Database) -> Dialect:
    """The dialect of a Peewee database, the application's own included.

    Raises:
        ConfigError: a database that leadq does not know.
    """
    if isinstance(database, SqliteDatabase):
        return SQLITE
    raise ConfigError(f"{type(database).__name__} is not supported: expected a Peewee SqliteDatabase")


def open_database(settings: DatabaseSettings, *, create: bool = False) -> Database:
    """A Peewee database for these settings; it connects on first use.

    Args:
        settings: where it is.
        create: whether a missing SQLite file is made. Otherwise its absence is an error: a worker in the
            wrong place must not idle over an empty database of its own making.

    Raises:
        StoreUnavailable: the SQLite file or its folder is not there.
        ConfigError: a database that this version does not support.
    """
    if settings.path is None:
        raise ConfigError(f"DB_CONNECTION={settings.connection} is not supported yet by this version: expected sqlite")
    return _open_sqlite(settings.path, create=create)


def _open_sqlite(path: Path, *, create: bool) -> SqliteDatabase:
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o640)
    elif not path.is_file():
        raise StoreUnavailable(
            f"there is no database at {path}", hint="Make it with: leadq migrate (or correct DB_DATABASE in .env)"
        )
    return SqliteFile(path)


class SqliteFile(SqliteDatabase):
    """An SQLite file that is never made by connecting, and whose replacement is noticed.

    A connection goes on reading and writing a file that was deleted or moved away, as after a restore from
    a backup: whatever it commits is lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connected_to = threading.local()
        super().__init__(
            f"file:{quote(str(path))}?mode=rw", pragmas=SQLITE_PRAGMAS, timeout=SQLITE_BUSY_SECONDS, uri=True
        )

    def was_replaced(self) -> bool:
        """Whether this thread's connection is to another file than the one that stands at the path now."""
        if self.is_closed():
            return False
        return bool(_file_identity(self._path) != self._connected_to.file)

    def _connect(self) -> Any:
        self._connected_to.file = _file_identity(self._path)
        connection = super()._connect()  # type: ignore[misc]  # Peewee's hook for subclasses
        connection.text_factory = _text  # a row that another program filled with bytes must not stop the queue
        return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
