"""`leadq doctor`: each check in each of its states."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leadq.doctor.area import STEP_SECONDS
from tests.cli.conftest import Terminal, create_lead, fail_notification, insert_failed, lines
from tests.homes import Home, eventually
from tests.mariadb import PASSWORD, MariaDbServer
from tests.smtp_servers import STALL, MailServer, ScriptedServer, Tls, closed_port

NAMES = [
    "settings",
    "time zone",
    "own jobs",
    ".env",
    "storage",
    "owner",
    "disk",
    "log",
    "database",
    "schema",
    "locking",
    "writing",
    "tables",
    "clock",
    "workers",
    "interrupted jobs",
    "waiting jobs",
    "mail outage",
    "failed jobs",
    "templates",
    "sender",
    "recipients",
    "certificates",
    "mail",
]
LOGIN = ("leads", "s3cret-w0rd")
MAIL_SERVER_DOWN = (
    "Check that the mail server runs, MAIL_HOST and MAIL_PORT in .env, and that no firewall is in the way."
)


def examine(home: Home, exit_code: int | None = None) -> dict[str, tuple[str, str, str | None]]:
    """What doctor finds: name → status, detail, remedy."""
    result = home.leadq("doctor", "--json", exit_code=exit_code)
    document = result.json
    assert [check["name"] for check in document["checks"]] == NAMES
    found = {check["name"]: (check["status"], check["detail"], check["remedy"]) for check in document["checks"]}
    statuses = {status for status, _, _ in found.values()}
    assert document["status"] == next(one for one in ("FAIL", "WARN", "OK") if one in statuses)
    assert result.exit_code == ("FAIL" in statuses)
    assert all(remedy for status, _, remedy in found.values() if status == "FAIL")
    return found


def others(found: dict[str, tuple[str, str, str | None]], *names: str) -> set[str]:
    """The statuses of all other checks, but for that of workers: none runs."""
    return {status for name, (status, _, _) in found.items() if name not in {*names, "workers"}}


def everything_in(home: Home) -> dict[str, tuple[int, bytes]]:
    """Every file of a home: its mode and its content."""
    return {
        str(path.relative_to(home.path)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(home.path.rglob("*"))
        if not path.name.endswith(("-shm", "-wal"))
    }


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


# --- the whole -----------------------------------------------------------------------------------------


def test_a_fresh_home_is_well_but_for_a_worker(home: Home) -> None:
    found = examine(home, exit_code=0)
    assert others(found) == {"OK"}
    assert found["workers"] == (
        "WARN",
        "no worker is alive; cron may be the worker",
        "Without cron, start one: leadq work. With cron, see that its line runs: leadq work --stop-when-empty",
    )


def test_a_home_on_mariadb_is_well_but_for_what_the_tests_have_set(mariadb_home: Home) -> None:
    found = examine(mariadb_home, exit_code=0)
    assert others(found, "locking") == {"OK"}
    assert found["locking"][1].startswith("innodb_flush_log_at_trx_commit is not 1")
    assert found["database"][1].endswith(
        f", {mariadb_home.environment['DB_DATABASE']} at 127.0.0.1:{mariadb_home.environment['DB_PORT']}"
    )
    assert found["clock"][1] == "this host and the database agree"


def test_a_line_each_with_the_remedy_below_and_a_sum(home: Home) -> None:
    (home.path / ".env").chmod(0o644)
    result = home.leadq("doctor")
    printed = lines(result.stdout)
    assert printed[0] == f"OK    settings          {home.path}/.env"
    place = next(number for number, line in enumerate(printed) if line.split()[1] == ".env")
    assert printed[place : place + 2] == [
        f"WARN  .env              others than its owner may use {home.path}/.env (mode 644), and it holds passwords",
        f"                        → Run: chmod 600 {home.path}/.env",
    ]
    assert printed[-2:] == ["", f"2 WARN, {len(NAMES) - 2} OK"]
    assert result.stderr == ""


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_shows_all_of_it_within_its_width(home: Home, columns: int) -> None:
    (home.path / ".env").chmod(0o644)
    home.environment["NO_COLOR"] = "1"
    screen = Terminal(home, "doctor", columns=columns).end()
    shown = screen.text.splitlines()
    too_long = [line for line in shown if len(line) > columns and len(line.split()) > 1 and "/" not in line]
    assert too_long == []
    assert "chmod 600" in " ".join(screen.text.split())
    assert sum(line.startswith(("OK ", "WARN ", "FAIL ")) for line in shown) == len(NAMES)


def test_a_status_is_coloured_on_a_terminal(home: Home) -> None:
    screen = Terminal(home, "doctor").end()
    assert "\x1b[32mOK\x1b[0m    settings" in screen.text
    assert "\x1b[33mWARN\x1b[0m  workers" in screen.text


def test_without_a_home_it_is_an_error_as_with_any_command(no_home: Home) -> None:
    result = no_home.leadq("doctor", exit_code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no home here: ")
    assert no_home.leadq("doctor", "--json", exit_code=1).json["error"]["type"] == "HomeNotFound"


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_it_changes_nothing(request: pytest.FixtureRequest, kind: str) -> None:
    home: Home = request.getfixturevalue(f"{kind}_home")
    home.leadq("user", "create", "--name", "Ana", "--email", "ana@example.com")
    fail_notification(home)
    create_lead(home)
    shutil.rmtree(home.path / "storage" / "logs")
    tables = ("jobs", "leads", "users", "workers", "failed_jobs", "deliveries", "delivery_events")
    before = everything_in(home), [home.sql(f"SELECT * FROM {table}") for table in tables]
    home.leadq("doctor")
    home.leadq("doctor", "--json")
    assert (everything_in(home), [home.sql(f"SELECT * FROM {table}") for table in tables]) == before


def test_it_may_be_run_beside_a_worker(staffed: Home) -> None:
    worker = staffed.start("work", "--queue", "high,default")
    eventually(lambda: staffed.count("workers"))
    found = examine(staffed)
    assert found["workers"] == ("OK", "1 worker alive, on default, high", None)
    assert others(found) == {"OK"}
    create_lead(staffed)
    eventually(lambda: staffed.mails)
    assert staffed.stop(worker).exit_code == 0


# --- settings ------------------------------------------------------------------------------------------


def test_an_env_file_that_cannot_be_read_leaves_what_needs_no_settings(home: Home) -> None:
    (home.path / ".env").write_text("MAIL_PASSWORD='s3cret-w0rd\n")
    result = home.leadq("doctor", exit_code=1)
    assert LOGIN[1] not in result.stdout
    found = examine(home)
    assert found["settings"] == (
        "FAIL",
        f"line 1 of {home.path}/.env cannot be read: expected KEY=value",
        "Is a quotation mark missing? A comment begins with #.",
    )
    skipped = {name for name, (_, detail, _) in found.items() if detail.startswith("skipped: ")}
    assert set(NAMES) - skipped == {"settings", ".env", "storage", "owner", "disk", "templates"}
    assert {found[name][0] for name in skipped} == {"WARN"}


def test_a_wrong_value_hides_no_part_that_it_is_not_in(home: Home) -> None:
    home.environment["MAIL_PORT"] = "submission"
    found = examine(home)
    assert found["settings"] == (
        "FAIL",
        "MAIL_PORT=submission is wrong: expected a port from 1 to 65535",
        "Correct MAIL_PORT in .env or in the environment.",
    )
    assert found["database"][0] == found["waiting jobs"][0] == found["disk"][0] == "OK"
    assert found["mail"] == ("WARN", "skipped: the settings are wrong", None)


def test_more_than_one_wrong_value_is_told_at_once(home: Home) -> None:
    home.environment |= {"MAIL_PORT": "submission", "DB_QUEUE": "a b", "DB_CONNECTION": "oracle"}
    status, detail, remedy = examine(home)["settings"]
    assert status == "FAIL"
    assert remedy is not None
    for key in ("MAIL_PORT", "DB_QUEUE", "DB_CONNECTION"):
        assert f"{key}=" in detail
        assert f"Correct {key} in .env" in remedy


@pytest.mark.parametrize(
    ("environment", "secret"),
    [
        ({"DB_URL": "mysql://u:s3cret-w0rd@host:port/leads"}, "s3cret"),
        ({"MAIL_URL": "smtp://u:s3cret-w0rd@host:port"}, "s3cret"),
        ({"MAIL_PASSWORD": "s3cret-w0rd"}, "s3cret"),
    ],
    ids=["DB_URL", "MAIL_URL", "password without a name"],
)
def test_a_wrong_setting_shows_no_secret(home: Home, environment: dict[str, str], secret: str) -> None:
    home.environment |= environment
    assert examine(home)["settings"][0] == "FAIL"
    for arguments in (("doctor",), ("-v", "doctor"), ("doctor", "--json")):
        result = home.leadq(*arguments, exit_code=1)
        assert secret not in result.stdout + result.stderr


def test_a_home_without_an_env_file_is_well(home: Home) -> None:
    (home.path / ".env").unlink()
    found = examine(home, exit_code=0)
    assert found["settings"][:2] == ("OK", f"{home.path} has no .env: defaults and the environment")
    assert found[".env"][:2] == ("OK", "there is none")


def test_the_time_zone_is_told_and_an_unknown_one_is_a_wrong_setting(home: Home) -> None:
    home.environment["APP_TIMEZONE"] = "Asia/Kolkata"
    assert examine(home)["time zone"][1].startswith("Asia/Kolkata, where it is ")
    home.environment["APP_TIMEZONE"] = "Europe/Atlantis"
    found = examine(home)
    assert found["settings"][1].startswith("APP_TIMEZONE=Europe/Atlantis is wrong: expected a time zone")
    assert found["time zone"][1] == "skipped: the settings are wrong"


def test_jobs_of_ones_own_are_imported(home: Home) -> None:
    home.add_module("doctor_jobs_that_work", "VALUE = 1\n")
    assert examine(home)["own jobs"] == ("OK", "doctor_jobs_that_work", None)
    home.add_module("doctor_jobs_that_do_not", "raise RuntimeError('no [red]luck[/red]')\n")
    assert examine(home)["own jobs"] == (
        "FAIL",
        "LEADQ_JOBS names doctor_jobs_that_do_not, which cannot be imported: RuntimeError: no [red]luck[/red]",
        f"Put it into {home.path} or install it where leadq is installed.",
    )
    home.add_module("doctor_jobs_that_exit", "raise SystemExit(0)\n")
    assert examine(home)["own jobs"][:2] == ("FAIL", "unexpected SystemExit: 0")


# --- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_an_env_file_that_others_may_use_is_told_with_what_to_type(home: Home, mode: int) -> None:
    (home.path / ".env").chmod(mode)
    status, detail, remedy = examine(home, exit_code=0)[".env"]
    assert (status, remedy) == ("WARN", f"Run: chmod 600 {home.path}/.env")
    assert f"(mode {mode:o})" in detail


WITHOUT_ROOTS_POWERS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


def examine_powerless(home: Home) -> dict[str, Any]:
    """What doctor finds where a file's mode binds it, as it doesn't bind root."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("a file's mode does not bind root, and there is no setpriv (util-linux)")
    command = [*(WITHOUT_ROOTS_POWERS if os.geteuid() == 0 else ()), sys.executable, "-m", "leadq", "doctor", "--json"]
    return {check["name"]: check for check in home.ended(home.spawn(command)).json["checks"]}


@pytest.fixture
def restricted(home: Home) -> Iterator[Callable[[str, int], Path]]:
    """Gives a file or a folder of the home a mode, until the end of the test."""
    before: list[tuple[Path, int]] = []

    def restrict(name: str, mode: int) -> Path:
        path = home.path / name
        before.append((path, path.stat().st_mode))
        path.chmod(mode)
        return path

    yield restrict
    for path, mode in reversed(before):
        path.chmod(mode)


Restrict = Callable[[str, int], Path]


def test_who_may_write_all_of_it_is_told_nothing(home: Home) -> None:
    assert {check["status"] for name, check in examine_powerless(home).items() if name != "workers"} == {"OK"}


def test_a_folder_that_cannot_be_written_is_told(home: Home, restricted: Restrict) -> None:
    storage = restricted("storage", 0o500)
    checks = examine_powerless(home)
    assert checks["storage"]["status"] == "FAIL"
    assert f" cannot write {storage}" in checks["storage"]["detail"]
    assert "chown -R " in checks["storage"]["remedy"]


def test_a_database_that_cannot_be_written_is_told(home: Home, restricted: Restrict) -> None:
    restricted("storage/leadq.db", 0o400)
    checks = examine_powerless(home)
    assert checks["storage"]["status"] == checks["writing"]["status"] == "FAIL"
    assert checks["writing"]["detail"].startswith("the database cannot be written")
    assert checks["writing"]["remedy"] == "Check the owner and permissions of the file and its folder."


def test_a_log_and_a_mail_folder_that_cannot_be_written_are_told(home: Home, restricted: Restrict) -> None:
    logs, mail = restricted("storage/logs", 0o500), restricted("storage/mail", 0o500)
    checks = examine_powerless(home)
    assert checks["log"]["status"] == checks["mail"]["status"] == "FAIL"
    assert checks["log"]["detail"].endswith(f" cannot write the log {logs}/leadq.log")
    assert checks["mail"]["detail"] == f"no mail can be written into {mail}"


def test_an_env_file_that_cannot_be_opened_is_told(home: Home, restricted: Restrict) -> None:
    restricted(".env", 0)
    checks = examine_powerless(home)
    assert checks["settings"]["status"] == "FAIL"
    assert "Permission denied" in checks["settings"]["detail"]
    assert checks["disk"]["status"] == "OK"


def test_a_home_that_cannot_be_searched_is_told_and_nothing_crashes(home: Home, restricted: Restrict) -> None:
    restricted("storage", 0)
    checks = examine_powerless(home)
    assert checks["storage"]["status"] == checks["database"]["status"] == "FAIL"
    assert not [check for check in checks.values() if "unexpected" in check["detail"]]


def test_files_of_another_user_are_told_with_the_name(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(home.path / "storage" / "leadq.db", 1, -1)
    os.chown(home.path / "storage" / "logs", 1, -1)
    status, detail, remedy = examine(home)["owner"]
    assert status == "WARN"
    # one more, or with it the two that SQLite makes beside an open database, for whom that belongs to
    assert re.match(rf"{home.path}/storage/logs and [1-3] more belongs to daemon, and you are root: ", detail)
    assert remedy is not None
    assert "sudo -u daemon leadq doctor" in remedy


@pytest.mark.parametrize("channel", ["single", "daily", "stderr"])
def test_the_log_is_told_and_not_made(home: Home, channel: str) -> None:
    home.environment["LOG_CHANNEL"] = channel
    shutil.rmtree(home.path / "storage" / "logs")
    status, detail, _ = examine(home)["log"]
    assert status == "OK"
    assert detail.startswith({"stderr": "stderr"}.get(channel, f"{home.path}/storage/logs/leadq"))
    assert not (home.path / "storage" / "logs").exists()


def test_a_file_in_the_place_of_the_logs_is_told(home: Home) -> None:
    shutil.rmtree(home.path / "storage" / "logs")
    (home.path / "storage" / "logs").touch()
    assert examine(home)["log"] == (
        "FAIL",
        f"{home.path}/storage/logs is no folder",
        f"Move it away: mv {home.path}/storage/logs {home.path}/storage/logs.old",
    )


# --- the database --------------------------------------------------------------------------------------


def test_a_database_that_is_not_there_is_told_and_what_needs_it_is_skipped(home: Home) -> None:
    home.database.empty()
    found = examine(home)
    assert found["database"] == (
        "FAIL",
        f"there is no database at {home.path}/storage/leadq.db",
        "Make it with: leadq migrate (or correct DB_DATABASE in .env)",
    )
    assert {name for name, (_, detail, _) in found.items() if detail.startswith("skipped")} == set(NAMES[9:19])
    assert found["schema"] == ("WARN", "skipped: the database cannot be used", None)
    assert not (home.path / "storage" / "leadq.db").exists()


def test_a_file_that_is_no_database_is_told(home: Home) -> None:
    (home.path / "storage" / "leadq.db").write_bytes(b"Dear diary, " * 1000)
    status, detail, _ = examine(home)["database"]
    assert status == "FAIL"
    assert detail.startswith("the file is not an SQLite database")


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
@pytest.mark.parametrize(
    ("change", "detail", "remedy"),
    [
        (
            "UPDATE leadq_migration SET name = '0000_past'",
            "the database is older than this program (it is at 0000_past, expected 0001_initial)",
            "Run: leadq migrate",
        ),
        (
            "UPDATE leadq_migration SET name = '9999_future'",
            "the database is newer than this program (it is at 9999_future, this program knows 0001_initial)",
            "Install the newer leadq on this host.",
        ),
        ("DROP TABLE leadq_migration", "the database has no tables of leadq", "Run: leadq migrate"),
    ],
    ids=["old", "new", "none"],
)
def test_a_schema_that_does_not_fit_is_told(
    request: pytest.FixtureRequest, kind: str, change: str, detail: str, remedy: str
) -> None:
    home: Home = request.getfixturevalue(f"{kind}_home")
    home.sql(change)
    found = examine(home)
    assert found["schema"] == ("FAIL", detail, remedy)
    assert found["database"][0] == found["writing"][0] == found["mail"][0] == "OK"
    assert found["tables"] == found["waiting jobs"] == ("WARN", "skipped: the schema does not fit", None)


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_a_table_that_is_missing_is_told(request: pytest.FixtureRequest, kind: str) -> None:
    home: Home = request.getfixturevalue(f"{kind}_home")
    home.sql("DROP TABLE mail_outage")
    found = examine(home)
    assert found["tables"][:2] == ("FAIL", "there is no table mail_outage")
    assert found["mail outage"][0] == "FAIL"
    assert found["failed jobs"][0] == "OK"


def test_a_database_that_another_program_keeps_locked_is_a_warning(home: Home) -> None:
    other = sqlite3.connect(home.path / "storage" / "leadq.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        found = examine(home, exit_code=0)
    finally:
        other.close()
    assert found["writing"][0] == "WARN"
    assert found["writing"][1].startswith("the database is locked by another program")
    assert found["waiting jobs"][0] == "OK"


@pytest.mark.parametrize(
    ("environment", "detail", "remedy"),
    [
        ({"DB_PORT": "1"}, "the database server cannot be reached (", "Check that it runs, and DB_HOST"),
        ({"DB_HOST": "nowhere.invalid"}, "the database server cannot be reached (", "Check that it runs, and DB_HOST"),
        ({"DB_PASSWORD": f"{PASSWORD}8"}, "the database server refuses the login (", "Check DB_USERNAME and"),
        ({"DB_DATABASE": "leadq_none"}, "the server has no such database (", "Check DB_DATABASE in .env, or make it"),
    ],
    ids=["port", "host", "password", "database"],
)
def test_a_server_that_refuses_is_told_without_the_password(
    mariadb_home: Home, environment: dict[str, str], detail: str, remedy: str
) -> None:
    mariadb_home.environment |= environment
    found = examine(mariadb_home)
    assert found["database"][0] == "FAIL"
    assert found["database"][1].startswith(detail)
    assert (found["database"][2] or "").startswith(remedy)
    assert found["mail"][0] == found["disk"][0] == "OK"
    for arguments in (("doctor",), ("-v", "doctor"), ("doctor", "--json")):
        result = mariadb_home.leadq(*arguments, exit_code=1)
        assert PASSWORD not in result.stdout + result.stderr


def test_a_server_that_takes_no_changes_is_told(mariadb_home: Home, mariadb: MariaDbServer) -> None:
    mariadb.execute("SET GLOBAL read_only = 1")
    found = examine(mariadb_home)
    assert found["writing"][0] == "FAIL"
    assert found["writing"][2] == "Is DB_HOST a replica? Workers need the server that writes."
    assert found["waiting jobs"][0] == "OK"


def test_servers_that_hang_are_told_and_hide_nothing(
    mariadb_home: Home, mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadq.doctor.database.REPLY_SECONDS", 1)
    monkeypatch.setattr("leadq.doctor.mail.SECONDS", 1.0)
    with ScriptedServer({"greeting": [STALL]}) as mail:
        mariadb_home.environment |= {
            "MAIL_MAILER": "smtp",
            "MAIL_PORT": str(mail.port),
            "MAIL_FROM_ADDRESS": "leads@acme.example",
            "MAIL_TIMEOUT": "60",
        }
        mariadb.pause()
        begun_at = time.monotonic()
        found = examine(mariadb_home)
        took = time.monotonic() - begun_at
        mariadb.resume()
    assert found["database"][:2] == (
        "FAIL",
        "the connection to the database server was lost (Lost connection to MySQL server during query (timed out))",
    )
    assert found["mail"][:2] == ("FAIL", f"greeting failed: 127.0.0.1:{mail.port}: timed out (transport)")
    assert others(found, "database", "mail", *NAMES[9:19]) == {"OK"}
    assert took < STEP_SECONDS


# --- the queue -----------------------------------------------------------------------------------------


def overdue(home: Home, seconds: int, *, queue: str = "default") -> None:
    """A job that has been due for so long."""
    home.insert_job({"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}, queue=queue, delay=-seconds)


def test_jobs_that_wait_for_a_while_are_told(home: Home) -> None:
    overdue(home, 300)
    overdue(home, 100, queue="high")
    status, detail, remedy = examine(home, exit_code=0)["waiting jobs"]
    assert (status, remedy) == ("OK", None)
    assert re.fullmatch(r"default: 1 due, the oldest for 5 m; high: 1 due, the oldest for (1\d\d s|2 m)", detail)


def test_jobs_that_wait_for_long_and_nobody_works_on_are_a_failure(home: Home) -> None:
    overdue(home, 3 * 3600)
    assert examine(home)["waiting jobs"] == (
        "FAIL",
        "nobody works on default: 1 due, the oldest for 3 h",
        "Start a worker: leadq work --queue default; or see why cron does not run one.",
    )


def enter_worker(home: Home, *queues: str) -> None:
    """A worker that is this process."""
    with home.store() as store:
        store.workers.register(name="test", queues=queues)


def test_a_queue_that_no_living_worker_serves_is_told(home: Home) -> None:
    enter_worker(home, "default")
    overdue(home, 0, queue="hihg")
    status, detail, remedy = examine(home, exit_code=0)["waiting jobs"]
    assert status == "WARN"
    assert detail.startswith("no living worker serves hihg: 1 due")
    assert remedy == "Unless cron does: leadq work --queue hihg"
    home.sql("UPDATE jobs SET available_at = available_at - 7200")
    assert examine(home)["waiting jobs"][0] == "FAIL"


def test_what_is_to_be_typed_holds_nothing_that_a_shell_would_run(home: Home) -> None:
    home.sql("INSERT INTO jobs (queue, payload, available_at, created_at) VALUES ('a; rm -rf ~\x1b[2J', '{}', 0, 0)")
    status, _, remedy = examine(home)["waiting jobs"]
    assert (status, remedy) == (
        "FAIL",
        "Start a worker: leadq work --queue 'a; rm -rf ~ [2J'; or see why cron does not run one.",
    )


def test_a_home_whose_name_holds_blanks_is_quoted_in_what_is_to_be_typed(home: Home) -> None:
    moved = Home(home.path.rename(home.path.parent / "a home"))
    (moved.path / ".env").chmod(0o644)
    assert examine(moved)[".env"][2] == f"Run: chmod 600 '{moved.path}/.env'"


def test_workers_that_are_behind_are_told(home: Home) -> None:
    enter_worker(home, "default")
    overdue(home, 1200)
    status, detail, _ = examine(home, exit_code=0)["waiting jobs"]
    assert (status, detail) == ("WARN", "workers are alive and behind: default: 1 due, the oldest for 20 m")


def test_a_killed_worker_and_the_job_that_it_held_are_told_until_another_takes_it_up(staffed: Home) -> None:
    create_lead(staffed)
    with staffed.store() as store:
        worker_id = store.workers.register(name="night", queues=("default",))
        assert store.claims.claim(("default",), worker_id)
    staffed.sql("UPDATE workers SET pid_started = '1'")
    found = examine(staffed, exit_code=0)
    assert found["workers"][0] == "WARN"
    assert found["workers"][1].startswith("worker night (pid ")
    assert found["workers"][1].endswith(" is gone; no worker is alive")
    assert found["workers"][2] == "Start a worker: leadq work"
    assert found["interrupted jobs"] == (
        "WARN",
        "1 job reserved by workers that are gone",
        "Start a worker, which takes them up: leadq work",
    )
    staffed.leadq("work", "--stop-when-empty")
    found = examine(staffed, exit_code=0)
    assert found["interrupted jobs"][0] == "OK"
    assert found["workers"][1] == "no worker is alive; cron may be the worker"


def test_no_worker_is_needed_where_jobs_run_at_once(home: Home) -> None:
    home.environment["QUEUE_CONNECTION"] = "sync"
    assert examine(home)["workers"] == ("OK", "none is needed (QUEUE_CONNECTION=sync)", None)


def test_an_outage_and_the_jobs_held_for_it_are_a_failure(mailing: Home) -> None:
    with closed_port() as port:
        mailing.environment |= {"MAIL_PORT": str(port), "MAIL_OUTAGE": "hold"}
        create_lead(mailing)
        create_lead(mailing, "Next")
        mailing.leadq("work", "--once")
        found = examine(mailing)
    status, detail, remedy = found["mail outage"]
    assert status == "FAIL"
    assert detail.startswith("no mail can leave since 20")
    assert "Connection refused" in detail
    assert detail.endswith("; 1 job held")
    assert remedy == "Mend what the check `mail` and this error say; held jobs then run by themselves."


def test_a_job_that_waits_after_an_error_of_the_settings_is_told(mailing: Home, mail_server: MailServer) -> None:
    mail_server.refuse_mail("530 5.7.0 Authentication required")
    create_lead(mailing)
    mailing.leadq("work", "--once")
    status, detail, _ = examine(mailing, exit_code=0)["mail outage"]
    assert status == "WARN"
    assert detail.startswith("a job waits for another attempt after: ")
    assert detail.endswith("530 5.7.0 Authentication required (config)")


def test_what_has_failed_in_the_last_hour_is_told_with_the_settings_first(home: Home) -> None:
    now = int(time.time())
    insert_failed(home, "a", exception="OSError: long ago", failed_at=now - 7200)
    assert examine(home, exit_code=0)["failed jobs"] == ("OK", "none in the last hour, 1 in all", None)
    for number in range(3):
        insert_failed(home, f"b{number}", exception=f"OSError: mail {number} is down\nTraceback", failed_at=now - 60)
    assert examine(home, exit_code=0)["failed jobs"] == (
        "WARN",
        "3 in the last hour, 4 in all; 3 times: OSError: mail # is down",
        "Look: leadq failed --group. Once it is mended: leadq retry all",
    )
    insert_failed(home, "c", exception="DeliveryError: AUTH refused: 535 5.7.8 no (config)", failed_at=now)
    assert examine(home)["failed jobs"][1] == (
        "4 in the last hour, 5 in all; 1 time: DeliveryError: AUTH refused: 535 5.7.8 no (config)"
    )


# --- mail ----------------------------------------------------------------------------------------------


def test_a_mail_server_is_spoken_to_and_nothing_is_sent(mailing: Home, mail_server: MailServer) -> None:
    found = examine(mailing, exit_code=0)
    assert found["mail"] == ("OK", f"127.0.0.1:{mail_server.port}, no TLS, without a login", None)
    assert found["certificates"] == ("OK", "verified", None)
    assert mail_server.greetings == ["acme.example"]
    assert (mail_server.received, mail_server.accepted) == (0, [])


def with_login(home: Home, server: MailServer, tls: Tls, password: str = LOGIN[1]) -> None:
    home.environment |= {
        "MAIL_PORT": str(server.port),
        "MAIL_CA_FILE": str(tls.ca_file),
        "MAIL_USERNAME": LOGIN[0],
        "MAIL_PASSWORD": password,
    }


def test_a_login_over_tls_is_tried(mailing: Home, tls: Tls) -> None:
    with MailServer(starttls=tls.server_context, login=LOGIN) as server:
        with_login(mailing, server, tls)
        found = examine(mailing, exit_code=0)
        assert server.logins_tried == [LOGIN]
    assert found["mail"] == ("OK", f"127.0.0.1:{server.port}, TLS, logged in as leads", None)


def test_a_wrong_password_is_told_and_tried_once_and_never_shown(mailing: Home, tls: Tls) -> None:
    with MailServer(starttls=tls.server_context, login=LOGIN) as server:
        with_login(mailing, server, tls, "wr0ng-s3cret")
        result = mailing.leadq("-v", "doctor", "--json", exit_code=1)
        assert len(server.logins_tried) == 1
        text = mailing.leadq("-v", "doctor", exit_code=1)
    mail = next(check for check in result.json["checks"] if check["name"] == "mail")
    assert mail["status"] == "FAIL"
    assert "AUTH refused: 535 " in mail["detail"]
    assert mail["remedy"] == "Check MAIL_USERNAME and MAIL_PASSWORD in .env."
    assert "s3cret" not in result.stdout + result.stderr + text.stdout + text.stderr


def test_a_certificate_that_is_not_to_be_trusted_is_told(mailing: Home, tls: Tls) -> None:
    with MailServer(starttls=tls.server_context) as server:
        mailing.environment["MAIL_PORT"] = str(server.port)
        status, detail, remedy = examine(mailing)["mail"]
        mailing.environment["MAIL_VERIFY"] = "false"
        unverified = examine(mailing, exit_code=0)
    assert status == "FAIL"
    assert f"the certificate of 127.0.0.1:{server.port} is not to be trusted" in detail
    assert remedy == "MAIL_CA_FILE adds an authority of your own."
    assert unverified["mail"][0] == "OK"
    assert unverified["certificates"] == (
        "WARN",
        "MAIL_VERIFY=false: anybody can pose as 127.0.0.1 and read the mails",
        "Set MAIL_VERIFY=true in .env; MAIL_CA_FILE adds an authority of your own.",
    )


def test_a_server_without_tls_gets_no_password(mailing: Home, mail_server: MailServer, tls: Tls) -> None:
    with_login(mailing, mail_server, tls)
    status, detail, remedy = examine(mailing)["mail"]
    assert status == "FAIL"
    assert "offers no encryption, and the password is not sent without it" in detail
    assert remedy == "Is it the right MAIL_PORT? MAIL_SCHEME=smtps is for servers that begin with TLS."


def test_a_port_that_nobody_listens_on_is_told(mailing: Home) -> None:
    with closed_port() as port:
        mailing.environment["MAIL_PORT"] = str(port)
        assert examine(mailing)["mail"] == (
            "FAIL",
            f"connect failed: 127.0.0.1:{port}: Connection refused (transport)",
            MAIL_SERVER_DOWN,
        )


def test_a_host_that_is_not_there_is_told(mailing: Home) -> None:
    mailing.environment["MAIL_HOST"] = "nowhere.invalid"
    status, detail, remedy = examine(mailing)["mail"]
    assert status == "FAIL"
    assert "nowhere.invalid" in detail
    assert remedy == "Check MAIL_HOST in .env, and this host's name servers."


def test_a_server_that_refuses_to_talk_is_told_in_its_own_words(mailing: Home) -> None:
    with ScriptedServer({"greeting": ["554 5.7.1 \x1b[2Jgo away"]}) as server:
        mailing.environment["MAIL_PORT"] = str(server.port)
        status, detail, _ = examine(mailing)["mail"]
    assert status == "FAIL"
    assert detail == f"127.0.0.1:{server.port}: greeting refused: 554 5.7.1 [2Jgo away (config)"


def test_a_token_command_that_fails_is_told(mailing: Home, tls: Tls) -> None:
    script = {"ehlo": ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH XOAUTH2"]}
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        mailing.environment |= {
            "MAIL_PORT": str(server.port),
            "MAIL_CA_FILE": str(tls.ca_file),
            "MAIL_USERNAME": "leads",
            "MAIL_AUTH": "xoauth2",
            "MAIL_TOKEN_COMMAND": "echo no key >&2; exit 3",
        }
        status, detail, remedy = examine(mailing)["mail"]
    assert status == "FAIL"
    assert "MAIL_TOKEN_COMMAND ended with exit code 3: no key" in detail
    assert remedy == "Run it by hand, as this account."


def test_a_sender_and_an_override_that_are_for_tests_are_told(mailing: Home) -> None:
    mailing.environment |= {"MAIL_FROM_ADDRESS": "leadq@localhost", "MAIL_TO_OVERRIDE": "qa@acme.example"}
    found = examine(mailing, exit_code=0)
    assert found["sender"][:2] == (
        "WARN",
        "MAIL_FROM_ADDRESS=leadq@localhost is nobody's address: mail servers refuse it",
    )
    assert found["recipients"][:2] == (
        "WARN",
        "MAIL_TO_OVERRIDE: every mail goes to qa@acme.example, and to no user",
    )


@pytest.mark.parametrize("mailer", ["file", "log"])
def test_a_mailer_that_reaches_nobody_is_told_in_production(home: Home, mailer: str) -> None:
    home.environment["MAIL_MAILER"] = mailer
    assert examine(home)["mail"][0] == "OK"
    home.environment["APP_ENV"] = "production"
    assert examine(home, exit_code=0)["mail"] == (
        "WARN",
        f"APP_ENV=production and MAIL_MAILER={mailer}: no mail reaches anybody",
        "Set MAIL_MAILER=smtp in .env.",
    )


def test_a_file_in_the_place_of_the_mails_is_told(home: Home) -> None:
    shutil.rmtree(home.path / "storage" / "mail")
    (home.path / "storage" / "mail").touch()
    assert examine(home)["mail"][:2] == (
        "FAIL",
        f"{home.path}/storage/mail is no folder, so no mail can be written",
    )


def test_a_template_that_cannot_be_read_is_told_with_file_and_line(home: Home) -> None:
    folder = home.path / "templates"
    folder.mkdir()
    (folder / "lead_created.subject.j2").write_text("New: {{ lead.name }}")
    assert examine(home)["templates"] == ("OK", f"lead_created.subject.j2 in {folder}", None)
    (folder / "lead_created.txt.j2").write_text("Hello\n\n{% if lead.name %}\n")
    status, detail, remedy = examine(home)["templates"]
    assert status == "FAIL"
    assert f"template {folder}/lead_created.txt.j2, line 3: " in detail
    assert remedy == "Correct the template, then: leadq restart; leadq retry all"


def test_a_name_that_a_template_misspells_is_told(home: Home) -> None:
    folder = home.path / "templates"
    folder.mkdir()
    (folder / "lead_created.html.j2").write_text("<p>\n{{ lead.nmae }}")
    status, detail, _ = examine(home)["templates"]
    assert status == "FAIL"
    assert f"template {folder}/lead_created.html.j2, line 2: " in detail
    assert "nmae" in detail


def test_its_json_is_one_document_in_the_shape_of_the_contract(home: Home) -> None:
    document = json.loads(home.run("doctor", "--json").stdout)
    assert list(document) == ["status", "checks"]
    assert [list(check) for check in document["checks"]] == [["name", "status", "detail", "remedy"]] * len(NAMES)


def test_a_paused_queue_that_waits_is_no_fault(home: Home) -> None:
    home.insert_job({"job": "x"}, queue="reports")
    home.leadq("pause", "reports")
    (waiting,) = (check for check in home.json("doctor")["checks"] if check["name"] == "waiting jobs")
    assert waiting["status"] == "OK"
    assert waiting["detail"].startswith("paused: ")
