"""A worker that is stopped (SIGSTOP) for longer than its lease, and then goes on."""

from __future__ import annotations

import signal

import pytest

from tests.homes import Home, eventually
from tests.process.signs import (
    changes_nothing_when_it_wakes,
    create_lead,
    idle_worker,
    own_job,
    story,
    until_held,
)
from tests.smtp_servers import STALL, ScriptedServer


@pytest.fixture
def short_lease(jobs_home: Home) -> Home:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "1"
    return jobs_home


def test_its_job_is_given_away_and_when_it_wakes_it_changes_nothing(short_lease: Home) -> None:
    home = short_lease
    home.insert_job(own_job("Held", name="shared"))
    sleeper = home.start("work")
    until_held(home, "shared")
    sleeper.send_signal(signal.SIGSTOP)
    other = idle_worker(home, "--sleep", 60)
    eventually(lambda: home.sql("SELECT attempts FROM jobs WHERE reserved_at IS NOT NULL") == [(2,)])
    changes_nothing_when_it_wakes(home, sleeper, other, "shared")
    assert "was silent for" in home.log


def test_it_does_not_send_a_mail_whose_time_is_over(mailing_jobs: Home) -> None:
    home = mailing_jobs
    with ScriptedServer(script={"rcpt": [STALL, "250 2.1.5 Ok"]}) as server:
        home.environment |= {"MAIL_PORT": str(server.port), "DB_QUEUE_RETRY_AFTER": "1"}
        create_lead(home)
        sleeper = home.start("work", "--timeout", 2)
        eventually(lambda: any(line.startswith("RCPT") for line in server.heard))
        sleeper.send_signal(signal.SIGSTOP)
        other = idle_worker(home, "--sleep", 60)
        eventually(lambda: home.sql("SELECT status FROM deliveries") == [("sent",)])
        sleeper.send_signal(signal.SIGCONT)
        eventually(lambda: "nothing was changed" in home.log)
        assert home.stop(sleeper).exit_code == home.stop(other).exit_code == 0
        assert len(server.accepted) == 1
    assert story(home, 1)[2:] == [("abandoned", 1), ("sent", 2)]
    assert home.count("jobs") == home.count("failed_jobs") == 0
