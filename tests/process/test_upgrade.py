"""Two versions of leadq on one database, while it is upgraded: leadq/store/migrations/__init__.py has the rule."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import leadq
from leadq.store.schema import LATEST
from tests import next_version
from tests.homes import PATIENCE_SECONDS, Home, Result, eventually
from tests.mariadb import MariaDbServer
from tests.process.signs import (
    create_lead,
    create_leads,
    let_go,
    make_due,
    notes,
    own_job,
    until_held,
    until_it_beats,
    worker_pids,
)
from tests.process.supervision import Supervisor, sample
from tests.smtp_servers import MailServer

APPLIED = f"Applied {next_version.LATEST}.\n"
OLDER = (
    f"Error: the database is older than this program (it is at {LATEST}, expected {next_version.LATEST})\n"
    "  Run: leadq migrate\n"
)
NEWER = (
    f"Error: the database is newer than this program (it is at {next_version.LATEST}, this program knows {LATEST})\n"
    "  Install the newer leadq on this host.\n"
)

# Creates a lead for each line that it reads.
APPLICATION = """
import sys, leadq
leadq.configure(home=sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    print(leadq.create_lead(name=line.strip(), email="bo@example.com").id, flush=True)
"""


@pytest.fixture(scope="session")
def next_version_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the next version."""
    folder = tmp_path_factory.mktemp("next_version")
    next_version.make_next_version(folder)
    return folder


@pytest.fixture
def older(mailing_jobs: Home) -> Home:
    """The home as this version uses it: one user, a mail server, and the jobs of own_jobs.py."""
    return mailing_jobs


@pytest.fixture
def newer(older: Home, next_version_folder: Path) -> Iterator[Home]:
    """The same home as the next version uses it; it is that only where it is a process of its own."""
    home = Home(older.path, older.database)
    home.environment = {**older.environment, "PYTHONPATH": str(next_version_folder)}
    yield home
    home.close()


class Application:
    """A process that embeds leadq."""

    def __init__(self, home: Home) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", APPLICATION, str(home.path)],
            cwd=home.path,
            env=home._full_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        home.processes.append(self._process)
        assert self._read() == "ready"

    def create_leads(self, count: int) -> None:
        """Creates so many, one by one."""
        assert self._process.stdin is not None
        for number in range(count):
            self._process.stdin.write(f"Lead {number}\n")
            self._process.stdin.flush()
            assert int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def start_workers(home: Home, count: int, *flags: object) -> list[subprocess.Popen[str]]:
    """Starts so many workers, and waits until they work."""
    before = set(worker_pids(home))
    workers = [home.start("work", "--sleep", 1, *flags) for _ in range(count)]
    eventually(lambda: len(set(worker_pids(home)) - before) >= count)
    return workers


def stopped(home: Home, workers: list[subprocess.Popen[str]]) -> list[Result]:
    """Ends workers; none has anything to say of a failure."""
    results = [home.stop(worker) for worker in workers]
    for result in results:
        assert (result.exit_code, result.stderr) == (0, "")
        assert "FAIL" not in result.stdout
    return results


def every_lead_is_mailed_once(home: Home, mail_server: MailServer, count: int) -> None:
    """Waits for that."""
    eventually(lambda: home.count("jobs") == 0)
    assert home.count("failed_jobs") == 0
    assert home.sql("SELECT status, COUNT(*) FROM deliveries GROUP BY status") == [("sent", count)]
    times_accepted = Counter(mail.message_id for mail in mail_server.accepted)
    assert len(times_accepted) == count
    assert set(times_accepted.values()) == {1}


def test_it_is_the_next_version(newer: Home) -> None:
    assert newer.run("--version").stdout == f"leadq {next_version.VERSION}\n"


def test_a_migration_under_load(older: Home, newer: Home, mail_server: MailServer) -> None:
    old_application = Application(older)
    mail_server.delay = 0.02
    create_leads(older, 60)
    old_workers = start_workers(older, 2)
    older.insert_job(own_job("Held", name="long"), queue="long")
    (busy,) = start_workers(older, 1, "--queue", "long")
    until_held(older, "long")
    mail_server.wait_for(10)
    leads, migration = 60, newer.start("migrate")
    while migration.poll() is None:
        old_application.create_leads(1)
        leads += 1
    assert newer.ended(migration) == Result(exit_code=0, stdout=APPLIED, stderr="")
    until_it_beats(older, "long")
    new_workers = start_workers(newer, 2)
    new_application = Application(newer)
    old_application.create_leads(15)
    new_application.create_leads(15)
    let_go(older, "long")
    every_lead_is_mailed_once(older, mail_server, leads + 30)
    assert notes(older) == ["long"]
    (*_, last) = stopped(older, [*old_workers, busy])
    assert last.stdout.count("DONE") == 1
    stopped(newer, new_workers)
    assert ".ERROR" not in older.log
    assert ".WARNING" not in older.log


def test_each_version_takes_up_the_jobs_of_the_other_ones_dead(older: Home, newer: Home) -> None:
    (old,) = start_workers(older, 1, "--queue", "old")
    (saves_new,) = start_workers(older, 1, "--queue", "new")
    older.insert_job(own_job("Held", name="one"), queue="old")
    until_held(older, "one")
    newer.run("migrate")
    (new,) = start_workers(newer, 1, "--queue", "new")
    (saves_old,) = start_workers(newer, 1, "--queue", "old")
    older.insert_job(own_job("Held", name="two"), queue="new")
    until_held(older, "two")
    for killed in (old, new):
        killed.kill()
        killed.wait()
    for name in ("one", "two"):
        until_it_beats(older, name)
        let_go(older, name)
    eventually(lambda: older.count("jobs") == 0)
    assert sorted(notes(older)) == ["one", "two"]
    assert older.count("failed_jobs") == 0
    for saviour in (saves_new, saves_old):
        (result,) = stopped(older, [saviour])
        assert result.stdout.count("DONE") == 1


def test_a_restart_ends_the_old_workers_and_the_new_ones_take_their_place(
    older: Home, newer: Home, mail_server: MailServer
) -> None:
    application = Application(older)
    older.insert_job(own_job("Held", name="busy"), queue="busy")
    (busy,) = start_workers(older, 1, "--queue", "busy,default")
    until_held(older, "busy")
    idle = older.start("work", "--processes", 2)
    eventually(lambda: len(worker_pids(older)) == 3)
    newer.run("migrate")
    killed = worker_pids(older)[-1]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(worker_pids(older)) == 3 and killed not in worker_pids(older))  # replaced by an old one
    application.create_leads(5)
    mail_server.wait_for(5, timeout=20)
    assert newer.run("restart", "--json").json == {"workers": 3}
    idle_ended = older.ended(idle)
    assert (idle_ended.exit_code, idle_ended.stderr) == (0, "")
    until_it_beats(older, "busy")
    application.create_leads(5)
    let_go(older, "busy")
    busy_ended = older.ended(busy)
    assert (busy_ended.exit_code, busy_ended.stderr) == (0, "")
    assert older.log.count('"reason": "restart"') == 3

    refused = older.run("work", exit_code=1)
    assert (refused.stdout, refused.stderr) == ("", NEWER)
    assert older.log.count("Worker ended") == 1
    workers = start_workers(newer, 2)
    every_lead_is_mailed_once(older, mail_server, 10)
    stopped(newer, workers)


@pytest.mark.sqlite_only("supervisor knows no store")
def test_a_supervisor_starts_the_version_that_stands_at_the_old_ones_place(
    older: Home, newer: Home, mail_server: MailServer, tmp_path: Path, next_version_folder: Path
) -> None:
    place = tmp_path / "place"  # as /opt/leadq, which points to the installation in use
    place.symlink_to(Path(leadq.__file__).parents[1])
    older.environment["PYTHONPATH"] = str(place)
    with Supervisor(older, sample("leadq-worker.conf", older.path)) as supervisor:
        eventually(lambda: len(worker_pids(older)) == 2)
        old = worker_pids(older)
        newer.run("migrate")
        place.unlink()
        place.symlink_to(next_version_folder)
        newer.run("lead", "create", "--name", "By the old one", "--email", "bo@example.com")
        mail_server.wait_for(1, timeout=PATIENCE_SECONDS)
        newer.run("restart")
        eventually(lambda: len(worker_pids(older)) == 2 and not set(worker_pids(older)) & set(old))
        newer.run("lead", "create", "--name", "By the new one", "--email", "bo@example.com")
        mail_server.wait_for(2, timeout=PATIENCE_SECONDS)
        assert set(supervisor.states().values()) <= {"RUNNING", "STARTING"}
    every_lead_is_mailed_once(older, mail_server, 2)
    assert older.log.count('"reason": "restart"') == 2
    assert ".ERROR" not in older.log


def test_the_new_worker_refuses_before_the_migration(older: Home, newer: Home) -> None:
    create_lead(older)
    refused = newer.run("work", exit_code=1)
    assert (refused.stdout, refused.stderr) == ("", OLDER)
    assert older.log.count("Worker ended") == 1
    assert older.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]


def test_what_was_delayed_failed_or_reserved_before_goes_on_after(
    older: Home, newer: Home, mail_server: MailServer
) -> None:
    mail_server.refuse("ana@example.com", "550 5.1.1 Never", times=1)
    create_lead(older, "Failed")
    older.leadq("work", "--stop-when-empty")
    assert older.count("failed_jobs") == 1
    create_lead(older, "Released")
    mail_server.refuse("ana@example.com", "451 4.7.1 Later", times=1)
    older.leadq("work", "--once")
    create_lead(older, "Delayed", "--delay", 3600)
    older.insert_job(own_job("Held", name="reserved"))
    worker = older.start("work")
    until_held(older, "reserved")
    worker.kill()
    worker.wait()
    let_go(older, "reserved")
    assert older.sql("SELECT COUNT(*) FROM jobs WHERE reserved_at IS NOT NULL") == [(1,)]

    newer.run("migrate")
    assert newer.run("retry", "all", "--json").json["not_found"] == []
    make_due(older)
    newer.run("work", "--stop-when-empty")
    every_lead_is_mailed_once(older, mail_server, 3)
    assert notes(older) == ["reserved"]


def test_applications_of_the_old_version_go_on(older: Home, newer: Home, mail_server: MailServer) -> None:
    used, unused = Application(older), Application(older)
    used.create_leads(1)
    newer.run("migrate")
    used.create_leads(1)
    unused.create_leads(1)
    started_later = Application(older)
    started_later.create_leads(1)
    newer.run("work", "--stop-when-empty")
    every_lead_is_mailed_once(older, mail_server, 4)


@pytest.mark.mariadb_only("on SQLite readers keep nobody from writing")
def test_a_migration_that_waits_for_an_applications_transaction_keeps_no_worker_waiting(
    older: Home, newer: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    workers = start_workers(older, 1)
    application = Application(older)
    with mariadb.connected(newer.settings.database.name) as other, other.cursor() as cursor:
        other.begin()
        cursor.execute("SELECT COUNT(*) FROM jobs")
        migration = newer.start("migrate")
        for count in (1, 2):
            eventually(lambda: is_waiting_for_a_table(mariadb))
            application.create_leads(1)
            mail_server.wait_for(count, timeout=PATIENCE_SECONDS)
        assert migration.poll() is None
        other.rollback()
    assert newer.ended(migration) == Result(exit_code=0, stdout=APPLIED, stderr="")
    every_lead_is_mailed_once(older, mail_server, 2)
    stopped(older, workers)
    assert ".ERROR" not in older.log


def is_waiting_for_a_table(server: MariaDbServer) -> bool:
    """Whether a statement that changes a table waits for those who use it."""
    return bool(
        server.execute(
            "SELECT 1 FROM information_schema.processlist"
            " WHERE state = 'Waiting for table metadata lock' AND info LIKE 'ALTER TABLE%'"
        )
    )


def test_two_hosts_migrate_at_once_beside_workers(older: Home, newer: Home, mail_server: MailServer) -> None:
    workers = start_workers(older, 2)
    mail_server.delay = 0.02
    create_leads(older, 40)
    mail_server.wait_for(5)
    hosts = [newer.start("migrate") for _ in range(2)]
    ended = sorted((newer.ended(host) for host in hosts), key=lambda result: result.stdout)
    assert ended == [
        Result(exit_code=0, stdout=APPLIED, stderr=""),
        Result(exit_code=0, stdout="Nothing to migrate.\n", stderr=""),
    ]
    every_lead_is_mailed_once(older, mail_server, 40)
    stopped(older, workers)
