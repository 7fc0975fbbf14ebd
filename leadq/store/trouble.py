"""Turns the database driver's errors into leadq's, with the remedy."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import NamedTuple

import peewee

from leadq.errors import SchemaMismatch, StoreContended, StoreError, StoreUnavailable


class Trouble(NamedTuple):
    """What an error of the driver's means here."""

    kind: type[StoreError]
    message: str
    hint: str | None = None


_NO_TABLE = Trouble(SchemaMismatch, "the database lacks a table of leadq", "Run: leadq migrate")
_NO_COLUMN = Trouble(SchemaMismatch, "the database lacks a column of leadq", "Run: leadq migrate")
_DISK_FULL = Trouble(StoreUnavailable, "the disk is full", "Free some space; nothing was changed.")

# a fragment of SQLite's message; the first that fits
_SQLITE: tuple[tuple[str, Trouble], ...] = (
    ("no such table", _NO_TABLE),
    ("no such column", _NO_COLUMN),
    ("has no column named", _NO_COLUMN),
    (
        "locked",
        Trouble(
            StoreUnavailable,
            "the database is locked by another program",
            "Try again; if it stays so, look for a program that keeps a transaction open.",
        ),
    ),
    ("disk is full", _DISK_FULL),
    (
        "readonly",
        Trouble(
            StoreUnavailable,
            "the database cannot be written",
            "Check the owner and permissions of the file and its folder.",
        ),
    ),
    (
        "unable to open",
        Trouble(
            StoreUnavailable,
            "the database file cannot be opened",
            "Check that it is there, and the permissions of the file and its folder.",
        ),
    ),
    (
        "disk i/o error",
        Trouble(StoreUnavailable, "the disk reports an error", "Check the disk and its free space."),
    ),
    (
        "not a database",
        Trouble(
            StoreError,
            "the file is not an SQLite database",
            "Correct DB_DATABASE, or move the file away and run: leadq migrate",
        ),
    ),
    (
        "malformed",
        Trouble(StoreError, "the database file is damaged", "Restore it from a backup, or try sqlite3's .recover"),
    ),
)

_AWAY = Trouble(
    StoreUnavailable,
    "the database server cannot be reached",
    "Check that it runs, and DB_HOST, DB_PORT and DB_SOCKET in .env.",
)
_LOST = Trouble(StoreUnavailable, "the connection to the database server was lost", "Try again.")
_READ_ONLY = Trouble(
    StoreUnavailable,
    "the database server takes no changes",
    "Is DB_HOST a replica? Workers need the server that writes.",
)
_TOO_MANY = Trouble(
    StoreUnavailable, "the database server has too many connections", "Raise max_connections, or run fewer workers."
)
_NO_RIGHT = Trouble(
    StoreError,
    "the database account lacks a right",
    "Workers need SELECT, INSERT, UPDATE and DELETE; leadq migrate needs CREATE, INDEX, ALTER and REFERENCES, too.",
)

_NO_TLS = Trouble(
    StoreUnavailable,
    "there is no TLS connection to the database server that can be trusted",
    "Check MYSQL_ATTR_SSL_CA in .env, and that DB_HOST is the name in the server's certificate.",
)

_EXPIRED = Trouble(
    StoreUnavailable, "the password of the database account has expired", "Set a new one: ALTER USER … IDENTIFIED BY …"
)
_LOCKED_ACCOUNT = Trouble(
    StoreUnavailable, "the database account is locked", "Unlock it: ALTER USER … ACCOUNT UNLOCK, or use another."
)
_TOO_SLOW = Trouble(
    StoreUnavailable,
    "the database server has ended a statement that ran for too long",
    "Try again; if it stays so, raise its max_statement_time (MySQL: max_execution_time).",
)

# what PyMySQL says without a number, or under that of a server which cannot be reached
_PYMYSQL: tuple[tuple[str, Trouble], ...] = (
    ("[ssl", _NO_TLS),
    ("packet sequence number wrong", Trouble(StoreUnavailable, "what answers is no MySQL server", _AWAY.hint)),
)

# the server's error number: https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
_MYSQL: dict[int, Trouble] = {
    0: _LOST,  # PyMySQL, on a connection that it has given up
    1021: _DISK_FULL,
    1114: _DISK_FULL,  # the table is full
    1037: Trouble(StoreUnavailable, "the database server is out of memory"),
    1040: _TOO_MANY,
    1203: _TOO_MANY,
    1226: _TOO_MANY,
    1044: Trouble(
        StoreError,
        "the database account may not use this database",
        "Check DB_DATABASE in .env, and the account's rights: SHOW GRANTS",
    ),
    1045: Trouble(
        StoreUnavailable,
        "the database server refuses the login",
        "Check DB_USERNAME and DB_PASSWORD in .env, and from which host the account may log in; one that requires TLS "
        "needs MYSQL_ATTR_SSL_CA.",
    ),
    1820: _EXPIRED,
    1862: _EXPIRED,
    3118: _LOCKED_ACCOUNT,
    4151: _LOCKED_ACCOUNT,  # MariaDB's number for it
    1129: Trouble(
        StoreUnavailable,
        "the database server has blocked this host after too many broken connections",
        "On the server: mariadb-admin flush-hosts (mysqladmin on MySQL).",
    ),
    1130: Trouble(
        StoreUnavailable,
        "the database server lets no account log in from this host",
        "Give the account this host: CREATE USER 'name'@'host'",
    ),
    1698: Trouble(
        StoreUnavailable,
        "the database server refuses the login",
        "Check DB_USERNAME in .env: this account logs in through DB_SOCKET alone, for the system's user of its name.",
    ),
    1049: Trouble(
        StoreUnavailable,
        "the server has no such database",
        "Check DB_DATABASE in .env, or make it: CREATE DATABASE name CHARACTER SET utf8mb4",
    ),
    1047: Trouble(StoreUnavailable, "the database server is not ready for queries"),  # Galera: not in the cluster
    1053: _LOST,  # it is shutting down
    1077: _LOST,
    1079: _LOST,
    1152: _LOST,
    1969: _TOO_SLOW,
    3024: _TOO_SLOW,
    1317: Trouble(StoreUnavailable, "the statement was killed on the database server", "Try again."),
    1927: _LOST,  # MariaDB: killed
    4031: _LOST,  # MySQL: idle for too long
    2000: _AWAY,
    2002: _AWAY,
    2003: _AWAY,
    2004: _AWAY,
    2005: _AWAY,
    2006: _LOST,
    2013: _LOST,
    2014: _LOST,
    2055: _LOST,
    2026: _NO_TLS,
    3159: Trouble(
        StoreUnavailable, "the database server takes TLS connections alone", "Set MYSQL_ATTR_SSL_CA in .env."
    ),
    1146: _NO_TABLE,
    1054: _NO_COLUMN,
    1142: _NO_RIGHT,
    1143: _NO_RIGHT,
    1227: _NO_RIGHT,
    1370: _NO_RIGHT,
    1153: Trouble(StoreError, "the text is too large for the database server", "Raise its max_allowed_packet."),
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    1206: Trouble(
        StoreContended,
        "the database server has no room for so many locks",
        "Try again; if it stays so, raise its innodb_buffer_pool_size.",
    ),
    1205: Trouble(
        StoreContended,
        "the database row is locked by another transaction",
        "Try again; if it stays so, look for a program that keeps a transaction open.",
    ),
    1213: Trouble(StoreContended, "the database has ended a deadlock", "Try again."),
    # an application's REPEATABLE READ transaction: the table, or the index, was made after it began
    1412: Trouble(StoreContended, "a table has been changed since the transaction began", "Try again."),
}

# what a ROLLBACK meets on a connection that is gone, and one to a savepoint after a deadlock, which undoes everything
_MASKED = (0, 2006, 2013, 2014, 1305)

_DATABASE_ERRORS = (peewee.DatabaseError, peewee.InterfaceError, sqlite3.Error)  # Peewee lets those of a fetch pass


class explained_errors:  # used as a function: contextlib's takes five times as long, for each job
    """A block that raises StoreError or one of its kinds in place of the driver's errors.

    An interruption, such as a timeout that strikes in the middle of a statement, stays what it was, though it costs
    PyMySQL its connection and the ROLLBACK then fails.
    """

    def __enter__(self) -> None:
        """There is nothing to prepare."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, _DATABASE_ERRORS):
            cause = _cause(error)
            if not isinstance(cause, _DATABASE_ERRORS):
                raise cause from None
            raise explain(cause) from error


def _cause(error: BaseException) -> BaseException:
    """What went wrong first, where undoing it failed, too: an error of the database's, or what broke it off.

    After a full disk or an I/O error SQLite has rolled back by itself, and the ROLLBACK that follows fails
    (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction"); so does one on a lost
    connection.
    """
    while "cannot rollback" in str(error) or _number(error) in _MASKED:
        before = error.__context__
        while before is not None and before.args == error.args:  # the driver's own, which Peewee has wrapped
            before = before.__context__
        if before is None or isinstance(before, OSError):  # PyMySQL made its own error of that
            break
        error = before
    return error


def explain(error: BaseException) -> StoreError:
    """The error of ours that stands for the driver's."""
    words = _words(error)
    if _number(error) >= 0:
        trouble = _of_words(words, _PYMYSQL) or _MYSQL.get(_number(error))
    else:
        trouble = _of_words(words, _PYMYSQL + _SQLITE)
    if trouble is None:
        return StoreError(f"the database refused a statement: {words}")
    return trouble.kind(f"{trouble.message} ({words})" if words else trouble.message, hint=trouble.hint)


def _number(error: BaseException) -> int:
    """The error number that MySQL's drivers put first; -1 where there is none, as with SQLite's."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else -1


def _words(error: BaseException) -> str:
    return str(error.args[1]) if _number(error) >= 0 and len(error.args) > 1 else str(error)


def _of_words(words: str, known: tuple[tuple[str, Trouble], ...]) -> Trouble | None:
    return next((trouble for fragment, trouble in known if fragment in words.lower()), None)
