"""An idle worker notices what is new at once, and is no load meanwhile."""

from __future__ import annotations

import time

import pytest

from tests.homes import Home, eventually
from tests.mariadb import ACCOUNT, MariaDbServer
from tests.process.signs import idle_worker, notes, own_job, processor_seconds

SLEEP_SECONDS = 30
AT_ONCE_SECONDS = 5  # a quarter, in truth: the rest is for a busy machine
WATCHED_SECONDS = 3
MOST_QUERIES_A_SECOND = 6
QUERIES_OF_A_BEAT = 4  # and one beat may fall into so short a while


def test_a_plain_insert_is_picked_up_at_once(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", SLEEP_SECONDS)
    for text in ("first", "second"):
        jobs_home.insert_job(own_job("Note", text=text))
        eventually(lambda: notes(jobs_home)[-1:] == [text], timeout=AT_ONCE_SECONDS)  # noqa: B023
    assert jobs_home.stop(worker).exit_code == 0


def test_a_lead_is_picked_up_at_once(staffed: Home) -> None:
    worker = idle_worker(staffed, "--sleep", SLEEP_SECONDS)
    staffed.run("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    eventually(lambda: len(staffed.mails) == 1, timeout=AT_ONCE_SECONDS)
    assert staffed.stop(worker).exit_code == 0


def test_a_job_is_picked_up_when_its_delay_is_over(jobs_home: Home) -> None:
    worker = idle_worker(jobs_home, "--sleep", SLEEP_SECONDS)
    inserted_at = time.time()
    jobs_home.insert_job(own_job("Note", text="later"), delay=2)
    eventually(lambda: notes(jobs_home) == ["later"], timeout=2 + AT_ONCE_SECONDS)
    assert time.time() >= int(inserted_at) + 2
    assert jobs_home.stop(worker).exit_code == 0


@pytest.mark.mariadb_only("an SQLite file has no counter of queries")
def test_an_idle_worker_asks_seldom_and_works_little(jobs_home: Home, mariadb: MariaDbServer) -> None:
    worker = idle_worker(jobs_home, "--sleep", SLEEP_SECONDS)
    jobs_home.insert_job(own_job("Note", text="settled in"))
    eventually(lambda: jobs_home.count("jobs") == 0)
    connections = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = ? AND db = ?"
    name = jobs_home.environment["DB_DATABASE"]
    eventually(lambda: mariadb.execute(connections, ACCOUNT, name) == [(2,)])  # its own and that of its lease
    with mariadb.connected() as connection, connection.cursor() as cursor:

        def questions() -> int:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
            return int(cursor.fetchone()[1])

        began, used, asked = time.monotonic(), processor_seconds(worker.pid), questions()
        cursor.execute(f"SELECT SLEEP({WATCHED_SECONDS})")
        asked = questions() - asked - 2  # our own
        used = processor_seconds(worker.pid) - used
        watched = time.monotonic() - began
    print(f"{asked} queries, {used:.2f} s of processor time in {watched:.2f} s")
    assert jobs_home.stop(worker).exit_code == 0
    assert asked <= MOST_QUERIES_A_SECOND * watched + QUERIES_OF_A_BEAT
    assert used < 0.1 * watched
