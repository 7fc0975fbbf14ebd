"""Homes to test in, and `leadq` as its users run it: in this process where that is enough, as a real one elsewhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from leadq.cli import main
from leadq.config import Settings, load_settings
from leadq.store.store import Store

PATIENCE_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def heed_hangups() -> None:
    """In a child: SIGHUP has its effect there even where the tests were started with nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class HomeDatabase(Protocol):
    """A home's database, as another program sees it."""

    sabotage: str
    """The end of a CREATE TRIGGER statement that makes what it stands for fail."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What a home must set to use it."""

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """One statement, committed. Its values stand for `?`."""

    def snapshot(self, *queries: str) -> list[list[tuple[Any, ...]]]:
        """The answers to several queries as of one moment."""

    def abandon(self, statement: str) -> None:
        """One statement in a transaction that is never committed, as when a program dies in the middle."""

    def columns(self, table: str) -> dict[str, tuple[bool, object]]:
        """The columns of a table in order: whether each is NOT NULL, and its default."""

    def empty(self) -> None:
        """Has it be as it was before `leadq migrate`."""


class SqliteFile:
    """The file that a home has unless it is told otherwise."""

    environment: Mapping[str, str] = {}
    sabotage = "BEGIN SELECT RAISE(ABORT, 'sabotage'); END"

    def __init__(self, home: Path) -> None:
        self._path = home / "storage" / "leadq.db"

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def snapshot(self, *queries: str) -> list[list[tuple[Any, ...]]]:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN")
            return [connection.execute(query).fetchall() for query in queries]
        finally:
            connection.close()

    def abandon(self, statement: str) -> None:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement)
        finally:
            connection.close()

    def columns(self, table: str) -> dict[str, tuple[bool, object]]:
        # xinfo: with the generated ones
        return {row[1]: (bool(row[3]), row[4]) for row in self.sql(f"PRAGMA table_xinfo({table})")}

    def empty(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)


class Home:
    """A home in a temporary folder. `environment` is set for every command, over the test's own."""

    def __init__(self, path: Path, database: HomeDatabase | None = None) -> None:
        self.path = path
        self.database = database or SqliteFile(path)
        self.environment = dict(self.database.environment)
        self.processes: list[subprocess.Popen[str]] = []

    # --- commands ----------------------------------------------------------------------------------

    def leadq(self, *arguments: object, exit_code: int | None = 0) -> Result:
        """Runs a command in this process. `exit_code` None accepts any."""
        if "work" in arguments and "--memory" not in arguments:
            arguments = (*arguments, "--memory", 0)  # this process is as large as all tests before have made it
        out, err = io.StringIO(), io.StringIO()
        with self.entered(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = 0
            try:
                main([str(argument) for argument in arguments])
            except SystemExit as end:
                code = int(end.code or 0)
        result = Result(exit_code=code, stdout=out.getvalue(), stderr=err.getvalue())
        assert exit_code in {None, code}, result
        return result

    def json(self, *arguments: object, exit_code: int | None = 0) -> Any:
        """What a command with `--json` prints."""
        return self.leadq(*arguments, "--json", exit_code=exit_code).json

    def run(self, *arguments: object, exit_code: int | None = 0, input: str | None = None) -> Result:
        """Runs a command as a process of its own, piped."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.path,
            env=self._full_environment(),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS * 2,
            check=False,
        )
        result = Result(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)
        assert exit_code in {None, done.returncode}, result
        return result

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Starts a command as a process of its own; it is killed at the end of the test, if it still runs."""
        return self.spawn(self._command(arguments))

    def spawn(self, command: list[str], *, preexec_fn: Callable[[], object] | None = None) -> subprocess.Popen[str]:
        """The same for any command."""
        process = subprocess.Popen(
            command,
            cwd=self.path,
            env=self._full_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=preexec_fn or heed_hangups,
        )
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> Result:
        """Sends a signal and waits for the end."""
        process.send_signal(number)
        return self.ended(process)

    def ended(self, process: subprocess.Popen[str]) -> Result:
        """Waits for the end of a process."""
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return Result(exit_code=process.returncode, stdout=out, stderr=err)

    # --- state -------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return load_settings(self.path, {**os.environ, **self.environment})

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """The home's store, opened in this process."""
        store = Store.open(self.settings.database)
        try:
            yield store
        finally:
            store.close()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What another program sees or does: one statement, committed. Its values stand for `?`."""
        return self.database.sql(statement, *values)

    @contextlib.contextmanager
    def sabotaged(self, verb: str, table: str) -> Iterator[None]:
        """Every INSERT, UPDATE or DELETE of a table's rows fails inside."""
        self.sql(f"CREATE TRIGGER sabotage BEFORE {verb} ON {table} {self.database.sabotage}")
        yield
        self.sql("DROP TRIGGER sabotage")

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.sql(f"SELECT COUNT(*) FROM {table}")[0][0])

    @property
    def mails(self) -> list[Path]:
        """The mails of the file mailer, oldest first."""
        return sorted((self.path / "storage" / "mail").glob("*.eml"))

    @property
    def log(self) -> str:
        """The whole log."""
        file = self.path / "storage" / "logs" / "leadq.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def add_module(self, name: str, source: str) -> None:
        """Puts a module of the application's own jobs into the home and has workers load it."""
        (self.path / f"{name}.py").write_text(source, encoding="utf-8")
        self.environment["LEADQ_JOBS"] = name

    def insert_job(self, payload: str | Mapping[str, Any], *, queue: str = "default", delay: int = 0) -> int:
        """Enqueues as another program does: a plain INSERT of Laravel's columns; its id, as long as nobody runs it."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        now = int(time.time())
        self.sql(
            "INSERT INTO jobs (queue, payload, attempts, reserved_at, available_at, created_at)"
            " VALUES (?, ?, 0, NULL, ?, ?)",
            queue,
            text,
            now + delay,
            now,
        )
        return int(self.sql("SELECT COALESCE(MAX(id), 0) FROM jobs")[0][0])

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The current folder and the environment as a command run here has them."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path)
            for key, value in self.environment.items():
                patch.setenv(key, value)
            yield

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _command(self, arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "leadq", *[str(argument) for argument in arguments]]

    def _full_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


def eventually(condition: Callable[[], object], *, timeout: float = PATIENCE_SECONDS) -> None:
    """Returns once `condition()` holds; fails after `timeout` seconds."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"not within {timeout} s"
        time.sleep(0.02)
