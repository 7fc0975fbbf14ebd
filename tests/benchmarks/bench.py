"""Where a benchmark runs: temporary homes on one database, on the disk, all gone at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from leadq.store.sqlite import PRAGMAS
from tests import mariadb
from tests.benchmarks.plan import Plan
from tests.homes import Home
from tests.mariadb import MariaDbDatabase, MariaDbServer

ROOT = Path(__file__).parents[2]
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")

DATABASES = ("sqlite", "mariadb")
DURABILITY = {
    "sqlite": f"synchronous={SYNCHRONOUS[int(PRAGMAS['synchronous'])]}",
    "mariadb": "innodb_flush_log_at_trx_commit=1",
}


class NotInstalled(Exception):
    """A program that a benchmark needs is not there."""


class Bench:
    """A place for one benchmark on one database, from `with` to the end of the block.

    Raises:
        NotInstalled: there is no such database server.
    """

    def __init__(self, plan: Plan, database: str) -> None:
        self.plan = plan
        self.database = database
        self._stack = ExitStack()
        self._homes = 0
        if database == "mariadb" and not mariadb.is_installed():
            raise NotInstalled("mariadbd")

    def __enter__(self) -> Bench:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="leadq-bench-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def server(self) -> MariaDbServer:
        """The database server, durable as one is by default."""
        return self._stack.enter_context(MariaDbServer(durable=True))

    def home(self, *, own_jobs: bool = True) -> Home:
        """A fresh home whose processes end with the block.

        Args:
            own_jobs: whether its workers know the benchmarks' own jobs.
        """
        self._homes += 1
        folder = self._folder / f"home-{self._homes}"
        Home(folder.parent).leadq("init", folder)
        home = Home(folder, MariaDbDatabase(self.server) if self.database == "mariadb" else None)
        if own_jobs:
            home.environment |= {"LEADQ_JOBS": "tests.benchmarks.own_jobs", "PYTHONPATH": str(ROOT)}
        self._stack.callback(home.close)
        return home

    def python(self, home: Home, module: str, *arguments: object) -> subprocess.Popen[str]:
        """Starts a module of the benchmarks in a home, as a process that ends with the block."""
        return self.start(
            [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)],
            cwd=home.path,
            environment={**home.environment, "PYTHONPATH": str(ROOT)},
        )

    def start(
        self, command: list[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Starts a process that ends with the block; its output is a pipe."""
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()
