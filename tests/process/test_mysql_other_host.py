"""Workers on two hosts: neither sees the other's processes, and their clocks disagree."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from tests.homes import Home, eventually
from tests.process.signs import (
    changes_nothing_when_it_wakes,
    idle_worker,
    let_go,
    notes,
    own_job,
    until_held,
    until_it_beats,
)

LEASE_SECONDS = 2
HOUR = 3600

HOST = """
import os
import time
from leadq import processes

real_time = time.time
name, offset = os.environ["HOST"].split()
processes.host_name = lambda: name
time.time = lambda: real_time() + int(offset)
"""

pytestmark = pytest.mark.mariadb_only("an SQLite file is not shared between hosts")


@pytest.fixture
def hosts(jobs_home: Home) -> Home:
    """A home whose workers are told which host they are on."""
    (jobs_home.path / "hosts.py").write_text(HOST)
    jobs_home.environment |= {"LEADQ_JOBS": "own_jobs,hosts", "DB_QUEUE_RETRY_AFTER": str(LEASE_SECONDS)}
    return jobs_home


def start_busy(hosts: Home, *, clock_off_by: int = 0) -> subprocess.Popen[str]:
    """A worker on the host `far`, which runs a job."""
    hosts.environment["HOST"] = f"far {clock_off_by}"
    hosts.insert_job(own_job("Held", name="long"))
    worker = hosts.start("work")
    until_held(hosts, "long")
    return worker


def start_idle(hosts: Home, *, clock_off_by: int = 0) -> subprocess.Popen[str]:
    """A worker on the host `near`."""
    hosts.environment["HOST"] = f"near {clock_off_by}"
    return idle_worker(hosts, "--sleep", 60)


def row(hosts: Home) -> tuple[int, int, int]:
    """The attempts, the claim's time and the worker of the one job there is."""
    ((attempts, reserved_at, worker_id),) = hosts.sql("SELECT attempts, reserved_at, worker_id FROM jobs")
    return attempts, reserved_at, worker_id


@pytest.mark.parametrize(("far", "near"), [(0, 0), (-HOUR, 0), (HOUR, 0), (0, HOUR), (0, -HOUR)])
def test_the_job_of_a_killed_worker_is_taken_up_when_its_lease_is_over_and_no_earlier(
    hosts: Home, far: int, near: int
) -> None:
    victim = start_busy(hosts, clock_off_by=far)
    other = start_idle(hosts, clock_off_by=near)
    hosts.stop(victim, signal.SIGKILL)
    ((seen_at,),) = hosts.sql("SELECT seen_at FROM workers WHERE host = 'far'")
    eventually(lambda: row(hosts)[0] == 2, timeout=LEASE_SECONDS + 10)  # a sweep, and some seconds for a busy machine
    _, taken_at, _ = row(hosts)
    assert taken_at - seen_at > LEASE_SECONDS
    let_go(hosts, "long")
    eventually(lambda: hosts.count("jobs") == 0)
    assert hosts.stop(other).exit_code == 0
    assert notes(hosts) == ["long"]
    (silence,) = re.findall(r"on far\) was silent for (\d+) s", hosts.log)
    assert LEASE_SECONDS < int(silence) <= taken_at - seen_at
    assert hosts.count("workers") == hosts.count("failed_jobs") == 0


@pytest.mark.parametrize(("far", "near"), [(0, 0), (-HOUR, 0), (0, HOUR)])
def test_nobody_takes_the_job_of_a_worker_that_lives_however_long_it_runs(hosts: Home, far: int, near: int) -> None:
    busy = start_busy(hosts, clock_off_by=far)
    claim = row(hosts)
    other = start_idle(hosts, clock_off_by=near)
    eventually(lambda: hosts.sql("SELECT MIN(seen_at) FROM workers")[0][0] >= claim[1] + 3 * LEASE_SECONDS)
    until_it_beats(hosts, "long")
    assert row(hosts) == claim
    let_go(hosts, "long")
    eventually(lambda: hosts.count("jobs") == 0)
    assert hosts.stop(busy).exit_code == hosts.stop(other).exit_code == 0
    assert notes(hosts) == ["long"]
    assert hosts.log.count("Job started") == hosts.log.count("Job done") == 1


def test_a_stopped_worker_whose_job_was_given_away_changes_nothing_when_it_wakes(hosts: Home) -> None:
    sleeper = start_busy(hosts)
    other = start_idle(hosts)
    sleeper.send_signal(signal.SIGSTOP)
    eventually(lambda: row(hosts)[0] == 2)
    changes_nothing_when_it_wakes(hosts, sleeper, other, "long")


@pytest.mark.parametrize("off_by", [HOUR, -HOUR])
def test_a_lead_is_told_and_a_delay_kept_where_the_clock_is_wrong(hosts: Home, off_by: int) -> None:
    hosts.leadq("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    worker = start_idle(hosts)
    hosts.environment["HOST"] = f"far {off_by}"
    for name, delay in (("Bo", 0), ("Later", 3)):
        hosts.run("lead", "create", "--name", name, "--email", "bo@example.com", "--delay", delay)
    eventually(lambda: len(hosts.mails) == 2)
    assert hosts.stop(worker).exit_code == 0
    waits = hosts.sql("SELECT sent_at - queued_at FROM deliveries ORDER BY id")
    assert 0 <= waits[0][0] < 60
    assert 3 <= waits[1][0] < 60
