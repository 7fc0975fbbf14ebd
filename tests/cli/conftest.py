"""What the tests of the commands put into a home, and a terminal to look at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.homes import PATIENCE_SECONDS, Home

LEAD_KEYS = ["id", "name", "email", "phone", "company", "source", "message", "user_id", "created_at"]
USER_KEYS = ["id", "name", "email", "active", "created_at"]
DISPATCHED_KEYS = ["id", "uuid", "queue", "priority", "available_at"]
DELIVERY_KEYS = ["uuid", "user_id", "status", "attempts", "message_id", "reply", "error", "queued_at", "sent_at"]
EVENT_KEYS = ["at", "event", "attempt", "detail"]
JOB_KEYS = [
    "id",
    "uuid",
    "queue",
    "job",
    "state",
    "priority",
    "attempts",
    "available_at",
    "created_at",
    "reserved_at",
    "worker",
    "data",
]
FAILED_KEYS = ["id", "uuid", "connection", "queue", "job", "lead_id", "error", "attempts", "failed_at"]


def lines(output: str) -> list[str]:
    """The lines of a table, their padding at the end apart."""
    return [line.rstrip() for line in output.splitlines()]


def create_lead(home: Home, name: str = "Bo", *options: object) -> dict[str, Any]:
    """Creates a lead; what the command prints as JSON."""
    document: dict[str, Any] = home.json("lead", "create", "--name", name, "--email", "bo@example.com", *options)
    return document


@contextlib.contextmanager
def mail_down(home: Home) -> Iterator[None]:
    """The file mailer cannot write."""
    folder = home.path / "storage" / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()


def fail_notification(home: Home, name: str = "Bo", *options: object) -> str:
    """A lead whose notification has failed for good; its job's uuid."""
    uuid: str = create_lead(home, name, *options)["job"]["uuid"]
    with mail_down(home):
        queue = home.sql("SELECT queue FROM jobs WHERE uuid = ?", uuid)[0][0]
        home.leadq("work", "--once", "--tries", "1", "--queue", queue)
    assert home.sql("SELECT COUNT(*) FROM failed_jobs WHERE uuid = ?", uuid) == [(1,)]
    return uuid


def insert_failed(
    home: Home,
    uuid: str,
    *,
    queue: str = "default",
    payload: object = '{"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}',
    exception: str = "OSError: mail is down\nTraceback (most recent call last): …",
    failed_at: int = 1_800_000_000,
) -> None:
    """A failed job, as Laravel's own columns hold it."""
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " VALUES (?, 'database', ?, ?, ?, ?)",
        uuid,
        queue,
        payload,
        exception,
        failed_at,
    )


@dataclass(frozen=True, kw_only=True)
class Screen:
    """What a command wrote to a terminal, and how it ended."""

    exit_code: int
    raw: bytes

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8").replace("\r\n", "\n")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, home: Home, *arguments: object, columns: int = 80) -> None:
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "leadq", *[str(argument) for argument in arguments]],
            cwd=str(home.path),
            env={**os.environ, **home.environment, "TERM": "xterm-256color", "COLUMNS": str(columns)},
            dimensions=(24, columns),
            timeout=PATIENCE_SECONDS,
        )
        self._child.delaybeforesend = None
        self._seen = b""

    def answer(self, question: str, text: str) -> None:
        """Waits for a question and types a line."""
        self._child.expect_exact(question.encode())
        self._seen += self._child.before + self._child.after
        self._child.sendline(text)

    def see(self, text: str) -> None:
        """Waits until it is told."""
        self._child.expect_exact(text.encode())
        self._seen += self._child.before + self._child.after

    def press(self, key: str) -> None:
        """Types a control key, such as `c`."""
        self._child.sendcontrol(key)

    def give_up(self) -> Screen:
        """Presses Ctrl-C at a question, and again where Python was about to read: it notes the first and reads on."""
        self.press("c")
        while self._child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2):
            self.press("c")
        return self._screen()

    def end(self) -> Screen:
        """Waits for the end of the command."""
        self._child.expect(pexpect.EOF)
        return self._screen()

    def _screen(self) -> Screen:
        self._seen += self._child.before
        self._child.close()
        return Screen(exit_code=self._child.exitstatus, raw=self._seen)


@pytest.fixture
def no_home(tmp_path: Path) -> Home:
    """A folder that is no home."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    return Home(folder)
