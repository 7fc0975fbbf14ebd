"""Where leads come from: a shell, another program's INSERT, files. (application.py is one more.)"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import time

import pymysql

from tests.homes import Home
from tests.process.soak.figures import Figures
from tests.process.soak.ledger import Ledger
from tests.process.soak.shell import Shell

QUEUES = ("high", "default", "low")
DATABASE_TROUBLE = (pymysql.Error, sqlite3.OperationalError)


class Feeds:
    """Creates leads, and enters those that were acknowledged in the ledger."""

    def __init__(self, home: Home, ledger: Ledger, figures: Figures, seed: int) -> None:
        self._home = home
        self._ledger = ledger
        self._figures = figures
        self._shell = Shell(home, figures)
        self._seed = seed
        self._numbers = itertools.count(1)
        self._chance = random.Random(f"{seed} feeds")

    def lead_create(self) -> None:
        """`leadq lead create`."""
        address = f"shell-{next(self._numbers)}@example.com"
        options = ("--queue", self._chance.choice(QUEUES), "--priority", self._chance.randint(-9, 9))
        delay = ("--delay", self._chance.choice([0, 1, 4]))
        if self._shell.run("lead", "create", "--name", "Bo Shell", "--email", address, *options, *delay):
            self._ledger.acknowledge([address])

    def insert(self) -> None:
        """Rows of another program's, with Laravel's columns alone."""
        address, now = f"insert-{next(self._numbers)}@example.com", int(time.time())
        columns = "INSERT INTO leads (name, email, user_id, created_at) VALUES ('Cy Insert', ?, ?, ?)"
        try:
            self._home.sql(columns, address, self._chance.randint(1, 3), now)
            ((lead_id,),) = self._home.sql("SELECT id FROM leads WHERE email = ?", address)
            payload = json.dumps({"job": "SendLeadCreatedEmail", "data": {"lead_id": lead_id}})
            self._home.sql(
                "INSERT INTO jobs (queue, payload, attempts, reserved_at, available_at, created_at)"
                " VALUES (?, ?, 0, NULL, ?, ?)",
                self._chance.choice(QUEUES),
                payload,
                now + self._chance.choice([0, 0, 3]),
                now,
            )
        except DATABASE_TROUBLE:
            return
        self._ledger.acknowledge([address])

    def lead_import(self) -> None:
        """`leadq lead import`, which is killed now and then; it is run again until it has read all of its file."""
        number, rows = next(self._numbers), self._chance.randint(5, 40)
        addresses = [f"import-{number}-{row}@example.com" for row in range(rows)]
        file = self._home.path / f"import-{number}.csv"
        file.write_text("Name,Email\n" + "".join(f"Di Import,{address}\n" for address in addresses), encoding="ascii")
        while not self._imports(file.name):
            time.sleep(0.5)
        self._ledger.acknowledge(addresses)
        file.unlink()

    def _imports(self, name: str) -> bool:
        if self._chance.random() < 0.3:
            importing = self._home.start("lead", "import", name)
            time.sleep(self._chance.uniform(0.2, 0.8))
            importing.kill()
            importing.communicate()
            self._home.processes.remove(importing)
            self._figures.note("imports killed")
            return False
        return self._shell.run("lead", "import", name) is not None
