"""An SQLite file as leadq opens it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import SqliteDatabase

from leadq.errors import StoreUnavailable
from leadq.folders import make_folder, open_for_group

BUSY_SECONDS = 5  # how long a statement waits for another program's write lock
SWITCH_PAUSE_SECONDS = 0.02

PRAGMAS = {
    "journal_mode": "wal",  # readers and one writer at once
    "synchronous": 2,  # FULL: a commit that was acknowledged survives a power cut
    "foreign_keys": 1,
    "busy_timeout": BUSY_SECONDS * 1000,
}


class SqliteFile(SqliteDatabase):
    """An SQLite file that is never made by connecting, and whose replacement is noticed.

    A connection goes on reading and writing a file that was deleted or moved away, as after a restore from
    a backup: whatever it commits is lost.
    """

    def __init__(self, path: Path, *, pragmas: Mapping[str, object] = PRAGMAS) -> None:
        self._path = str(path)  # every transaction begins with a stat(), which takes a Path twice as long
        self._connected_to = threading.local()
        super().__init__(f"file:{quote(self._path)}?mode=rw", pragmas=dict(pragmas), timeout=BUSY_SECONDS, uri=True)

    def was_replaced(self) -> bool:
        """Whether this thread's connection is to another file than the one that stands at the path now."""
        if self.is_closed():
            return False
        return bool(_file_identity(self._path) != self._connected_to.file)

    def _connect(self) -> Any:
        self._connected_to.file = _file_identity(self._path)
        give_up_at = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection = super()._connect()  # type: ignore[misc]  # Peewee's hook for subclasses
                break
            except sqlite3.OperationalError as error:
                # a fresh file that somebody else is switching to WAL is refused at once, whatever the busy timeout
                if "locked" not in str(error) or time.monotonic() > give_up_at:
                    raise
                time.sleep(SWITCH_PAUSE_SECONDS)
        connection.text_factory = _text  # a row that another program filled with bytes must not stop the queue
        return connection


def sqlite_file(path: Path, *, create: bool, pragmas: Mapping[str, object] = PRAGMAS) -> SqliteFile:
    """The file at `path`. Raises StoreUnavailable where there is none and `create` is not asked for."""
    if create:
        make_folder(path.parent)
        if not path.exists():
            os.close(open_for_group(path, os.O_WRONLY))
    elif not path.is_file():
        raise StoreUnavailable(
            f"there is no database at {path}", hint="Make it with: leadq migrate (or correct DB_DATABASE in .env)"
        )
    return SqliteFile(path, pragmas=pragmas)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file_identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - see SqliteFile._path
    except OSError:
        return None
    return found.st_dev, found.st_ino
