"""How fast `leadq lead import` stores leads, beside bare INSERTs of the same rows in chunks of the same size.

The bare run is one INSERT a row with every value at hand: no file is read, no address checked, no duplicate looked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from leadq.lead_import.importer import CHUNK_ROWS
from tests.benchmarks.bare_connection import connect
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Wish
from tests.benchmarks.rounds import interleaved
from tests.homes import Home

USERS = 3
ROWS = 100_000
WISHED_ROWS_A_SECOND = 5000
COLUMNS = {
    "leads": ("id", "name", "email", "phone", "company", "source", "message", "user_id", "created_at"),
    "jobs": ("queue", "payload", "attempts", "available_at", "created_at", "priority", "stage", "uuid", "batch_id"),
    "deliveries": ("uuid", "lead_id", "user_id", "status", "attempts", "queued_at", "test"),
}


def figures(bench: Bench) -> Iterator[Figure]:
    home, rows = bench.home(own_jobs=False), bench.plan.share(ROWS, least=CHUNK_ROWS)
    for number in range(USERS):
        home.leadq("user", "create", "--name", f"User {number}", "--email", f"user{number}@example.com")
    write_file(home, rows)
    found = interleaved(
        bench.plan.rounds,
        {"leadq": lambda: rate_of_import(home, rows), "bare": lambda: rate_of_inserts(home, rows)},
    )
    yield Figure(
        what="rows by lead import",
        jobs=rows,
        unit="rows/s",
        leadq=found["leadq"],
        baseline=found["bare"],
        beside="bare INSERTs",
        wish=Wish(sign="≥", bound=WISHED_ROWS_A_SECOND, of_ratio=False),
    )


def write_file(home: Home, rows: int) -> None:
    """A file as a CRM exports it."""
    with (home.path / "leads.csv").open("w", encoding="utf-8") as file:
        file.write("First Name,Last Name,Email,Phone Number,Company Name,Lead Source,Message\n")
        for row in range(rows):
            address, message = f"lead{row}@customer{row % 997}.example.com", f"Please call me about order {row}"
            file.write(f"Lead,{row},{address},+1 555 {row:07},Acme {row},web,{message}\n")


def rate_of_import(home: Home, rows: int) -> float:
    """Rows a second of the command, its start included."""
    empty(home)
    started = time.monotonic()
    home.run("-q", "lead", "import", "leads.csv")
    return rows / (time.monotonic() - started)


def rate_of_inserts(home: Home, rows: int) -> float:
    """The same for what the command has stored last, stored once more without leadq."""
    stored = {
        table: home.sql(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id") for table, columns in COLUMNS.items()
    }
    assert [len(found) for found in stored.values()] == [rows] * len(COLUMNS)
    empty(home)
    started = time.monotonic()
    insert(home, stored)
    return rows / (time.monotonic() - started)


def insert(home: Home, stored: dict[str, list[tuple[Any, ...]]]) -> None:
    bare = connect(home.path, home.environment)
    with bare.resource:
        for start in range(0, len(stored["leads"]), CHUNK_ROWS):
            bare.execute(bare.begin)
            for table, rows in stored.items():
                marks = ", ".join([bare.mark] * len(COLUMNS[table]))
                statement = f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({marks})"
                bare.execute_many(statement, rows[start : start + CHUNK_ROWS])
            bare.execute("COMMIT")


def empty(home: Home) -> None:
    for table in ("deliveries", "jobs", "leads", "job_batches"):
        home.sql(f"DELETE FROM {table}")
