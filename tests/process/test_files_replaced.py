"""A worker reads all that it may need at its start: an upgrade in place may replace the files beneath it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import leadq
from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.process.signs import create_lead, failed_job, notes, own_job, worker_pids
from tests.smtp_servers import MailServer

DISPATCHING = """
from dataclasses import dataclass
import leadq
from own_jobs import Note

@dataclass
class Dispatching(leadq.Job):
    def handle(self, context):
        leadq.create_lead(name="By a job", email="bo@example.com")
        leadq.dispatch(Note(text="by a job"))
        context.store.jobs.sizes()
"""


@pytest.fixture
def replaced(mailing_jobs: Home, tmp_path: Path) -> Home:
    """A home whose workers run from a copy of leadq, and know a job that dispatches others."""
    shutil.copytree(Path(leadq.__file__).parent, tmp_path / "copy" / "leadq")
    mailing_jobs.add_module("dispatching", DISPATCHING)
    mailing_jobs.environment |= {
        "LEADQ_JOBS": "own_jobs,dispatching",
        "MAIL_OUTAGE": "hold",
        "MAIL_RATE": "100/s",
        "PYTHONPATH": str(tmp_path / "copy"),
    }
    return mailing_jobs


def start_and_remove(home: Home, processes: int) -> subprocess.Popen[str]:
    """Starts workers, and removes the files that they have started from."""
    worker = home.start("work", "--processes", processes, "--tries", 2, "--backoff", 0, "--sleep", 1)
    eventually(lambda: len(worker_pids(home)) == home.log.count("Worker started") == processes)
    shutil.rmtree(home.environment["PYTHONPATH"])
    return worker


@pytest.mark.parametrize("processes", [1, 2])
def test_it_does_all_that_workers_do_without_them(replaced: Home, mail_server: MailServer, processes: int) -> None:
    home = replaced
    worker = start_and_remove(home, processes)
    if processes > 1:
        for pid in worker_pids(home):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: home.log.count("Worker started") == processes * 2)

    create_lead(home, "Sent")
    mail_server.wait_for(1, timeout=PATIENCE_SECONDS)
    mail_server.refuse("ana@example.com", "550 5.1.1 Never", times=1)
    create_lead(home, "Refused")
    eventually(lambda: home.count("failed_jobs") == 1)
    assert failed_job(home)["error"].startswith("PermanentDeliveryError")
    home.leadq("retry", "all")
    mail_server.wait_for(2, timeout=PATIENCE_SECONDS)
    mail_server.refuse_mail("421 4.3.2 mail.example.com is going down", times=2)
    create_lead(home, "Held")
    mail_server.wait_for(3, timeout=PATIENCE_SECONDS)
    home.leadq("pause", "--all")
    home.leadq("resume", "--all")
    (home.path / "leads.csv").write_text("name,email\nImported,im@example.com\n")
    home.leadq("lead", "import", "leads.csv")
    home.insert_job(own_job("Dispatching"))
    mail_server.wait_for(5, timeout=PATIENCE_SECONDS)
    for payload in (own_job("Flaky", failures=9), own_job("Lasting", seconds=60, TIMEOUT=0.1), "no payload"):
        home.insert_job(payload)
    eventually(lambda: home.count("failed_jobs") == 3)
    eventually(lambda: home.count("jobs") == 0)
    assert home.leadq("restart").exit_code == 0
    ended = home.ended(worker)
    assert (ended.exit_code, ended.stderr) == (0, "")

    assert "by a job" in notes(home)
    assert "Mail can leave again" in home.log
    assert home.sql("SELECT status, COUNT(*) FROM deliveries GROUP BY status") == [("sent", 5)]
    assert home.sql("SELECT pending_jobs, failed_jobs FROM job_batches") == [(0, 0)]
    errors = [str(error) for (error,) in home.sql("SELECT exception FROM failed_jobs ORDER BY id")]
    assert sorted(error.partition(":")[0] for error in errors) == [
        "RuntimeError",
        "TimeoutExceeded",
        "UndecodablePayload",
    ]
    for trace in ("ImportError", "ModuleNotFoundError", "template"):
        assert trace not in home.log + "".join(errors)
