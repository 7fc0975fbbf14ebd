"""No database server where one should be: each command says so in one clear line, and never the password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home, Result, eventually
from tests.mariadb import PASSWORD, MariaDbServer
from tests.process.signs import create_lead, idle_worker, let_go, notes, own_job, until_held, worker_pids
from tests.smtp_servers import closed_port

COMMANDS = [
    ("size",),
    ("failed",),
    ("jobs",),
    ("retry", "all"),
    ("lead", "create", "--name", "Bo", "--email", "bo@example.com"),
    ("lead", "list"),
    ("user", "list"),
    ("test", "--wait"),
    ("migrate",),
    ("work",),
    ("work", "--once"),
    ("work", "--stop-when-empty"),
    ("work", "--processes", "2", "--stop-when-empty"),
]

pytestmark = pytest.mark.mariadb_only("an SQLite file has no server")


@pytest.fixture
def away(jobs_home: Home) -> Iterator[Home]:
    """A home whose server is not there."""
    with closed_port() as port:
        jobs_home.environment["DB_PORT"] = str(port)
        yield jobs_home


def everything_said(home: Home, *results: Result) -> str:
    return home.log + "".join(result.stdout + result.stderr for result in results)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_what_is_wrong_and_what_to_do(away: Home, command: tuple[str, ...]) -> None:
    told = away.run(*command, exit_code=1)
    assert told.stdout == ""
    error, hint = told.stderr.splitlines()
    assert error.startswith("Error: the database server cannot be reached (")
    assert hint == "  Check that it runs, and DB_HOST, DB_PORT and DB_SOCKET in .env."
    assert PASSWORD not in everything_said(away, told)


def test_with_json_the_error_is_a_document(away: Home) -> None:
    told = away.run("size", "--json", exit_code=1)
    assert told.json["error"]["message"].startswith("the database server cannot be reached (")
    assert told.stderr == ""


def test_verbosely_the_password_is_not_told_either(away: Home) -> None:
    told = away.run("-v", "size", exit_code=1)
    assert "Traceback" in told.stderr
    assert PASSWORD not in everything_said(away, told)


@pytest.mark.parametrize("flag", ["--once", "--stop-when-empty"])
def test_cron_is_told_when_the_server_goes_away_later(jobs_home: Home, mariadb: MariaDbServer, flag: str) -> None:
    jobs_home.insert_job(own_job("Held", name="long"))
    worker = jobs_home.start("work", flag)
    until_held(jobs_home, "long")
    mariadb.kill()
    let_go(jobs_home, "long")
    eventually(lambda: jobs_home.log.count("The database cannot be used") == 2)  # the end is recorded all the same
    mariadb.start()
    told = jobs_home.ended(worker)
    assert told.exit_code == 0
    assert notes(jobs_home) == ["long"]
    assert jobs_home.count("jobs") == jobs_home.count("failed_jobs") == 0
    assert PASSWORD not in everything_said(jobs_home, told)


def test_a_wrong_password_is_refused_without_a_word_of_it(jobs_home: Home) -> None:
    jobs_home.environment["DB_PASSWORD"] = "wrong-secret-9"
    told = jobs_home.run("work", "--once", exit_code=1)
    error, hint = told.stderr.splitlines()
    assert error.startswith("Error: the database server refuses the login (")
    assert "DB_PASSWORD" in hint
    assert "wrong-secret-9" not in everything_said(jobs_home, told)


def test_the_password_is_in_no_output_no_log_and_no_list_of_processes(jobs_home: Home, mariadb: MariaDbServer) -> None:
    jobs_home.leadq("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    jobs_home.environment["LOG_LEVEL"] = "debug"
    parent = idle_worker(jobs_home, "--processes", 2, "--sleep", 60)
    create_lead(jobs_home)
    eventually(lambda: len(jobs_home.mails) == 1)
    for pid in (parent.pid, *worker_pids(jobs_home)):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    mariadb.kill()
    eventually(lambda: jobs_home.log.count("The database cannot be used") >= 4)
    mariadb.start()
    eventually(lambda: jobs_home.log.count("The database can be used again") == 2)
    assert PASSWORD not in everything_said(jobs_home, jobs_home.stop(parent))
