"""The database server is killed and comes back: workers wait for it, and no mail is lost or sent twice."""

from __future__ import annotations

import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.mariadb import MariaDbServer
from tests.process.signs import create_lead, create_leads, idle_worker, notes, own_job
from tests.smtp_servers import MailServer

LEADS = 120
WORKERS = 4

pytestmark = pytest.mark.mariadb_only("an SQLite file has no server")


def troubles(home: Home) -> list[float]:
    """The pauses that were logged, in order."""
    return [float(pause) for pause in re.findall(r'cannot be used .*"next_try_in_s": "([\d.]+)"', home.log)]


def test_four_workers_wait_for_it_and_then_send_what_is_left(
    mailing: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    create_leads(mailing, LEADS)
    mail_server.delay = 0.02  # so that the server dies while mails are on their way
    parent = mailing.start("-q", "work", "--processes", WORKERS, "--tries", 1)
    for kills in (1, 2):
        mail_server.wait_for(kills * LEADS // 3, timeout=20)
        mariadb.kill()
        eventually(lambda: troubles(mailing).count(2.0) == kills * WORKERS)  # noqa: B023
        assert len(troubles(mailing)) <= kills * WORKERS * 4  # at 0, 0.5, 1.5 and 3.5 s: no hot loop
        mariadb.start()
        eventually(lambda: mailing.log.count("The database can be used again") == kills * WORKERS)  # noqa: B023
    eventually(lambda: mailing.count("jobs") == 0)
    ended = mailing.stop(parent)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "")
    accepted = Counter(mail.message_id for mail in mail_server.accepted)
    assert set(accepted) == {message_id for (message_id,) in mailing.sql("SELECT message_id FROM deliveries")}
    assert set(accepted.values()) == {1}  # no worker died, and each recorded what it had sent
    assert mailing.sql("SELECT status, attempts, COUNT(*) FROM deliveries GROUP BY 1, 2") == [("sent", 1, LEADS)]
    assert mailing.count("failed_jobs") == mailing.count("workers") == 0
    assert mailing.log.count("Worker started") == WORKERS
    assert "Traceback" not in mailing.log
    assert Counter(troubles(mailing)).keys() <= {0.5, 1.0, 2.0, 4.0, 8.0}
    for line in mailing.log.splitlines():
        if ".ERROR: " in line:
            assert "The database cannot be used" in line
            assert "the database server cannot be reached" in line or "the connection to the database server" in line


def test_the_mail_that_went_out_meanwhile_is_recorded_before_anything_else_is_claimed(
    mailing: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    create_lead(mailing)
    create_lead(mailing, "Next")
    mail_server.gate.clear()
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    mariadb.kill()
    mail_server.gate.set()
    eventually(lambda: troubles(mailing) == [0.5, 1.0])
    mariadb.start()
    eventually(lambda: mailing.count("jobs") == 0)
    assert mailing.stop(worker).exit_code == 0
    assert len(mail_server.accepted) == 2
    assert mailing.sql("SELECT status, attempts FROM deliveries ORDER BY id") == [("sent", 1), ("sent", 1)]
    back = mailing.log.index("The database can be used again")
    assert mailing.log.count("Job started", 0, back) == 1
    assert back < mailing.log.index("Mail sent") < mailing.log.index("Job started", back)


def test_a_worker_that_starts_when_it_is_back_takes_nobody_for_dead_who_could_not_say_that_they_live(
    mailing: Home, mail_server: MailServer, mariadb: MariaDbServer
) -> None:
    mailing.environment["DB_QUEUE_RETRY_AFTER"] = "6"
    create_lead(mailing)
    mail_server.gate.clear()
    worker = mailing.start("work")
    eventually(lambda: mail_server.received == 1)
    mailing.add_module("stops", "import os, signal\n\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    newcomer = mailing.start("work")  # and about to connect
    stat = Path(f"/proc/{newcomer.pid}/stat")
    eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    mariadb.kill()
    mail_server.gate.set()
    eventually(lambda: troubles(mailing) == [0.5, 1.0, 2.0, 4.0, 8.0])  # longer than the lease
    mariadb.start()
    newcomer.send_signal(signal.SIGCONT)
    eventually(lambda: mailing.count("jobs") == 0)
    assert mailing.stop(worker).exit_code == mailing.stop(newcomer).exit_code == 0
    assert len(mail_server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]
    assert "is due again" not in mailing.log


def test_an_idle_worker_waits_for_it_and_takes_what_comes_then(jobs_home: Home, mariadb: MariaDbServer) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    mariadb.kill()
    eventually(lambda: troubles(jobs_home) == [0.5, 1.0, 2.0])
    mariadb.start()
    jobs_home.insert_job(own_job("Note", text="after"))
    eventually(lambda: notes(jobs_home) == ["after"])
    assert jobs_home.stop(worker).exit_code == 0
    assert "The database can be used again" in jobs_home.log
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0


def test_a_worker_that_waits_for_it_with_nothing_to_record_stops_at_once(
    jobs_home: Home, mariadb: MariaDbServer
) -> None:
    worker = idle_worker(jobs_home, "--sleep", 60)
    mariadb.kill()
    eventually(lambda: len(troubles(jobs_home)) >= 2)
    assert jobs_home.stop(worker).exit_code == 0
