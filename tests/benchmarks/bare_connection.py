"""A home's database as a program without leadq uses it: the driver alone, as durable as leadq is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from leadq.store.sqlite import PRAGMAS


@dataclass(frozen=True, kw_only=True)
class BareConnection:
    """What differs between the two.

    Attributes:
        execute: runs a statement with its values and returns the cursor.
        execute_many: runs a statement for many rows.
        mark: stands for a value in a statement.
        begin: the statement that begins a transaction which writes.
        free_row_lock: the end of a SELECT that locks its rows, passing over locked ones.
        resource: to be closed at the end.
    """

    execute: Callable[..., Any]
    execute_many: Callable[[str, Sequence[tuple[Any, ...]]], Any]
    mark: str
    begin: str
    free_row_lock: str
    resource: AbstractContextManager[Any]


def connect(home: Path, environment: Mapping[str, str]) -> BareConnection:
    """Opens the database of `home`, with the settings of `environment`."""
    return _mysql(environment) if "DB_PORT" in environment else _sqlite(home)


def _sqlite(home: Path) -> BareConnection:
    connection = sqlite3.connect(home / "storage" / "leadq.db", isolation_level=None, timeout=30)
    connection.execute(f"PRAGMA synchronous = {PRAGMAS['synchronous']}")
    connection.execute("PRAGMA foreign_keys = ON")
    return BareConnection(
        execute=connection.execute,
        execute_many=connection.executemany,
        mark="?",
        begin="BEGIN IMMEDIATE",
        free_row_lock="",
        resource=closing(connection),
    )


def _mysql(environment: Mapping[str, str]) -> BareConnection:
    connection = pymysql.connect(
        host=environment["DB_HOST"],
        port=int(environment["DB_PORT"]),
        user=environment["DB_USERNAME"],
        password=environment["DB_PASSWORD"],
        database=environment["DB_DATABASE"],
        ssl_disabled=True,
    )
    cursor = connection.cursor()
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def execute(statement: str, values: tuple[Any, ...] = ()) -> Any:
        cursor.execute(statement, values)
        return cursor

    return BareConnection(
        execute=execute,
        execute_many=cursor.executemany,
        mark="%s",
        begin="BEGIN",
        free_row_lock=" FOR UPDATE SKIP LOCKED",
        resource=closing(connection),
    )
