"""What befalls the database."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time

import pymysql

from tests.homes import Home, HomeDatabase
from tests.mariadb import ACCOUNT, MariaDbDatabase
from tests.process.soak.figures import Figures

LONGEST_LOCK_SECONDS = 7  # leadq waits for 5


class SqliteTrouble:
    """Another program keeps the file locked, or reads on and on."""

    def __init__(self, home: Home, figures: Figures, seed: int) -> None:
        self._path = home.path / "storage" / "leadq.db"
        self._figures = figures
        self._chance = random.Random(f"{seed} database")

    def strike(self) -> None:
        """One blow."""
        kind = self._chance.choice(["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN"])
        seconds = _lock_seconds(self._chance)
        connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        try:
            connection.execute(kind)
            connection.execute("SELECT COUNT(*) FROM jobs").fetchall()
            self._figures.note("long reads" if kind == "BEGIN" else "locks")
            time.sleep(seconds)
        finally:
            connection.close()


class MariaDbTrouble:
    """Another client keeps rows locked; the server ends connections, hangs, and is killed."""

    def __init__(self, home: Home, database: MariaDbDatabase, figures: Figures, seed: int) -> None:
        self._server = database.server
        self._name = database.name
        self._figures = figures
        self._chance = random.Random(f"{seed} database")

    def strike(self) -> None:
        """One blow."""
        weights = {self._lock: 6, self._end_connections: 6, self._hang: 2, self._kill: 2}
        self._chance.choices(list(weights), list(weights.values()))[0]()

    def _lock(self) -> None:
        with self._server.connected(self._name) as connection, contextlib.suppress(pymysql.OperationalError):
            connection.begin()
            connection.query(f"SELECT * FROM {self._chance.choice(['jobs', 'deliveries', 'users'])} FOR UPDATE")
            self._figures.note("locks")
            time.sleep(_lock_seconds(self._chance))

    def _end_connections(self) -> None:
        query = "SELECT id FROM information_schema.processlist WHERE user = ? AND db = ? ORDER BY id"
        found = [number for (number,) in self._server.execute(query, ACCOUNT, self._name)]
        for number in self._chance.sample(found, min(self._chance.randint(1, 4), len(found))):
            with contextlib.suppress(pymysql.OperationalError):  # it has ended meanwhile
                self._server.execute(f"KILL {number}")
                self._figures.note("connections ended")

    def _hang(self) -> None:
        self._server.pause()
        self._figures.note("hangs of the database server")
        time.sleep(self._chance.uniform(0.2, 3))
        self._server.resume()

    def _kill(self) -> None:
        self._server.kill()
        self._figures.note("kills of the database server")
        time.sleep(self._chance.uniform(0, 3))
        self._server.start()


def database_trouble(home: Home, figures: Figures, seed: int) -> SqliteTrouble | MariaDbTrouble:
    """The trouble that fits a home's database."""
    database: HomeDatabase = home.database
    if isinstance(database, MariaDbDatabase):
        return MariaDbTrouble(home, database, figures, seed)
    return SqliteTrouble(home, figures, seed)


def _lock_seconds(chance: random.Random) -> float:
    return LONGEST_LOCK_SECONDS if chance.random() < 0.1 else chance.uniform(0.1, 3)
