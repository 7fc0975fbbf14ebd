"""How fast `leadq lead import` stores leads, next to bare INSERTs of the same rows in chunks of the same size.

    python -m tests.benchmarks.lead_import --database sqlite --rows 100000

Both begin with an empty database that is as durable as by default. The bare run is `executemany` with every value at
hand: no file is read, no address checked, no duplicate looked for.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pymysql

from leadq.lead_import.importer import CHUNK_ROWS
from tests.benchmarks.drain import home_on
from tests.homes import Home
from tests.mariadb import HOST

USERS = 3
COLUMNS = {
    "leads": "id, name, email, phone, company, source, message, user_id, created_at",
    "jobs": "queue, payload, attempts, available_at, created_at, priority, stage, uuid, batch_id",
    "deliveries": "uuid, lead_id, user_id, status, attempts, queued_at, test",
}


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rows a second; `ratio` is how much of the bare rate leadq reaches."""

    database: str
    rows: int
    bare: float
    leadq: float
    ratio: float


def measure(database: str, rows: int) -> Rates:
    """Imports `rows` leads into a fresh database of a kind, then stores the same rows without leadq into another."""
    with home_on(database) as home:
        for number in range(USERS):
            home.leadq("user", "create", "--name", f"User {number}", "--email", f"user{number}@example.com")
        write_file(home, rows)
        leadq = rows / seconds(lambda: home.leadq("-q", "lead", "import", "leads.csv"))
        stored = {table: home.sql(f"SELECT {columns} FROM {table} ORDER BY id") for table, columns in COLUMNS.items()}
        assert [len(found) for found in stored.values()] == [rows] * 3
        for table in reversed(COLUMNS):
            home.sql(f"DELETE FROM {table}")
        bare = rows / seconds(lambda: insert_bare(home, stored))
    return Rates(database=database, rows=rows, bare=round(bare), leadq=round(leadq), ratio=round(leadq / bare, 2))


def write_file(home: Home, rows: int) -> None:
    """A file as a CRM exports it."""
    with (home.path / "leads.csv").open("w", encoding="utf-8") as file:
        file.write("First Name,Last Name,Email,Phone Number,Company Name,Lead Source,Message\n")
        for row in range(rows):
            message = f"Please call me about order {row}"
            file.write(
                f"Lead,{row},lead{row}@customer{row % 997}.example.com,+1 555 {row:07},Acme {row},web,{message}\n"
            )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def insert_bare(home: Home, stored: dict[str, list[tuple[Any, ...]]]) -> None:
    """The same rows, chunk by chunk."""
    connection, mark = connect(home)
    cursor = connection.cursor()
    statements = {
        table: f"INSERT INTO {table} ({columns}) VALUES ({', '.join([mark] * len(columns.split(', ')))})"
        for table, columns in COLUMNS.items()
    }
    for start in range(0, len(stored["leads"]), CHUNK_ROWS):
        for table, statement in statements.items():
            chunk: Sequence[tuple[Any, ...]] = stored[table][start : start + CHUNK_ROWS]
            cursor.executemany(statement, chunk)
        connection.commit()
    connection.close()


def connect(home: Home) -> tuple[Any, str]:
    """A connection of the driver's own, and what stands for a value."""
    if "DB_PORT" not in home.environment:
        connection = sqlite3.connect(home.path / "storage" / "leadq.db")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection, "?"
    environment = home.environment
    server = pymysql.connect(
        host=HOST,
        port=int(environment["DB_PORT"]),
        user=environment["DB_USERNAME"],
        password=environment["DB_PASSWORD"],
        database=environment["DB_DATABASE"],
        ssl_disabled=True,
    )
    return server, "%s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.lead_import", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rates = measure(arguments.database, arguments.rows)
    if arguments.json:
        print(json.dumps(asdict(rates), indent=2))
    else:
        print(
            f"{rates.database}, {rates.rows} rows, rows/s: bare {rates.bare}, leadq {rates.leadq}, ratio {rates.ratio}"
        )


if __name__ == "__main__":
    main()
