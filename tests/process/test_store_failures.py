"""The database fails while a worker works: it waits, and what went out meanwhile is recorded, once."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_lead, idle_worker, notes, own_job
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("what can befall a file")

READ_ONLY = """
from pathlib import Path
from leadq.store.sqlite import SqliteFile

connect = SqliteFile._connect


def connect_for_reading(self):
    connection = connect(self)
    if Path("read-only").exists():
        connection.execute("PRAGMA query_only = 1")
    return connection


SqliteFile._connect = connect_for_reading
"""


def troubles(home: Home) -> list[float]:
    """The pauses that were logged, in order."""
    return [float(pause) for pause in re.findall(r'cannot be used .*"next_try_in_s": "([\d.]+)"', home.log)]


@pytest.fixture
def at_the_dot(mailing: Home, mail_server: MailServer) -> Home:
    """A home whose worker waits for the answer to a mail."""
    mail_server.gate.clear()
    return mailing


def accept(home: Home, mail_server: MailServer) -> None:
    """Lets the mail server answer, and waits until the worker has met the trouble more than once."""
    mail_server.gate.set()
    eventually(lambda: len(troubles(home)) >= 2)
    assert troubles(home)[:2] == [0.5, 1.0]


def recorded_first(home: Home) -> bool:
    """Whether the mail was recorded when the database could be used again, before anything else was claimed."""
    back = home.log.index("The database can be used again")
    sent = home.log.index("Mail sent")
    return back < sent < home.log.index("Job started", back)


def test_a_mail_that_went_out_is_recorded_when_the_file_can_be_written_again(
    at_the_dot: Home, mail_server: MailServer
) -> None:
    home = at_the_dot
    home.add_module("trouble", READ_ONLY)
    create_lead(home)
    worker = home.start("work")
    eventually(lambda: mail_server.received == 1)
    (home.path / "read-only").touch()
    exchange(home.path / "storage" / "leadq.db")  # so that the worker connects anew
    accept(home, mail_server)
    assert "the database cannot be written" in home.log
    (home.path / "read-only").unlink()
    create_lead(home, "Next")
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(worker).exit_code == 0
    assert len(mail_server.accepted) == 2
    assert home.sql("SELECT status, attempts FROM deliveries ORDER BY id") == [("sent", 1), ("sent", 1)]
    assert recorded_first(home)


@pytest.fixture
def small_disk(home: Home) -> Iterator[Path]:
    """A disk of one megabyte that holds the database, and nothing else of the home."""
    disk = home.path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    file = home.path / "storage" / "leadq.db"
    shutil.move(file, disk / "leadq.db")
    file.symlink_to(disk / "leadq.db")
    home.environment["DB_DATABASE"] = "small/leadq.db"
    yield disk
    home.close()
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_mail_that_went_out_is_recorded_when_the_disk_has_room_again(
    small_disk: Path, at_the_dot: Home, mail_server: MailServer
) -> None:
    home = at_the_dot
    create_lead(home)
    worker = home.start("work")
    eventually(lambda: mail_server.received == 1)
    home.sql("PRAGMA wal_checkpoint(TRUNCATE)")  # or the next commit fits into what the log has taken already
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    accept(home, mail_server)
    assert "the disk is full" in home.log
    filler.unlink()
    create_lead(home, "Next")
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(worker).exit_code == 0
    assert len(mail_server.accepted) == 2
    assert home.sql("SELECT status, attempts FROM deliveries ORDER BY id") == [("sent", 1), ("sent", 1)]
    assert recorded_first(home)


def exchange(file: Path) -> None:
    """Moves a database away and puts a copy in its place, as a restore does."""
    copy = file.with_name("copy.db")
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{file}{suffix}")
        if part.exists():
            shutil.copy(part, f"{copy}{suffix}")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{copy}{suffix}")
        if part.exists():
            part.rename(f"{file}{suffix}")


def test_a_database_that_was_replaced_is_opened_anew_and_the_mail_recorded_there(
    at_the_dot: Home, mail_server: MailServer
) -> None:
    home = at_the_dot
    create_lead(home)
    worker = home.start("work")
    eventually(lambda: mail_server.received == 1)
    exchange(home.path / "storage" / "leadq.db")
    mail_server.gate.set()
    eventually(lambda: home.count("jobs") == 0)
    create_lead(home, "Next")
    eventually(lambda: home.count("jobs") == 0)
    assert home.stop(worker).exit_code == 0
    assert "the database file was replaced or removed" in home.log
    assert len(mail_server.accepted) == 2
    assert home.sql("SELECT status, attempts FROM deliveries") == [("sent", 1), ("sent", 1)]


def test_a_database_that_is_gone_for_a_while_is_waited_for_and_not_made_anew(jobs_home: Home) -> None:
    file, away = jobs_home.path / "storage" / "leadq.db", jobs_home.path / "away.db"
    worker = idle_worker(jobs_home, "--sleep", 60)
    jobs_home.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file.rename(away)
    eventually(lambda: len(troubles(jobs_home)) >= 2)
    assert not file.exists()
    away.rename(file)
    eventually(lambda: "The database can be used again" in jobs_home.log)
    jobs_home.insert_job(own_job("Note", text="after"))
    eventually(lambda: notes(jobs_home) == ["after"])
    assert jobs_home.stop(worker).exit_code == 0


def test_a_worker_that_waits_for_the_database_with_nothing_to_record_stops_at_once(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    (jobs_home.path / "storage" / "leadq.db").unlink()
    eventually(lambda: len(troubles(jobs_home)) >= 2)
    assert jobs_home.stop(worker, signal.SIGTERM).exit_code == 0


@pytest.mark.parametrize("flag", ["--once", "--stop-when-empty"])
def test_cron_is_told(staffed: Home, flag: str) -> None:
    staffed.add_module("trouble", READ_ONLY)
    (staffed.path / "read-only").touch()
    ended = staffed.run("work", flag, exit_code=1)
    assert "the database cannot be written" in ended.stderr
