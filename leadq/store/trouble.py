"""Turns the database driver's errors into leadq's, with the remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import peewee

from leadq.errors import SchemaMismatch, StoreError, StoreUnavailable

# fragment of the driver's message → what to tell; the first that fits
_SQLITE_MESSAGES: tuple[tuple[str, type[StoreError], str, str | None], ...] = (
    ("no such table", SchemaMismatch, "the database lacks a table of leadq", "Run: leadq migrate"),
    ("no such column", SchemaMismatch, "the database lacks a column of leadq", "Run: leadq migrate"),
    ("has no column named", SchemaMismatch, "the database lacks a column of leadq", "Run: leadq migrate"),
    (
        "locked",
        StoreUnavailable,
        "the database is locked by another program",
        "Try again; if it stays so, look for a program that keeps a transaction open.",
    ),
    ("disk is full", StoreUnavailable, "the disk is full", "Free some space; nothing was changed."),
    (
        "readonly",
        StoreUnavailable,
        "the database cannot be written",
        "Check the owner and permissions of the file and its folder.",
    ),
    (
        "unable to open",
        StoreUnavailable,
        "the database file cannot be opened",
        "Check that it is there, and the permissions of the file and its folder.",
    ),
    ("disk i/o error", StoreUnavailable, "the disk reports an error", "Check the disk and its free space."),
    (
        "not a database",
        StoreError,
        "the file is not an SQLite database",
        "Correct DB_DATABASE, or move the file away and run: leadq migrate",
    ),
    ("malformed", StoreError, "the database file is damaged", "Restore it from a backup, or try sqlite3's .recover"),
)


@contextmanager
def explained_errors() -> Iterator[None]:
    """Raises StoreError or one of its kinds in place of the driver's errors."""
    try:
        yield
    except (peewee.DatabaseError, peewee.InterfaceError, sqlite3.Error) as error:  # Peewee lets those of a fetch pass
        raise explain(_cause(error)) from error


def _cause(error: BaseException) -> BaseException:
    """What went wrong first: after a full disk or an I/O error SQLite has rolled back by itself, and the ROLLBACK that
    follows fails, too (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction")."""
    while "cannot rollback" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error


def explain(error: BaseException) -> StoreError:
    """The error of ours that stands for the driver's."""
    words = str(error)
    for fragment, kind, message, hint in _SQLITE_MESSAGES:
        if fragment in words.lower():
            return kind(f"{message} ({words})", hint=hint)
    return StoreError(f"the database refused a statement: {words}")
