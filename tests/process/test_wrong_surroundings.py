"""A worker that is started where it cannot work says so, and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homes import Home
from tests.process.signs import create_lead

pytestmark = pytest.mark.sqlite_only("about settings, and a file that is not there")


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("flags", [(), ("--once",), ("--stop-when-empty",), ("--json",)])
def test_without_a_home_it_refuses_and_makes_nothing(tmp_path: Path, flags: tuple[str, ...]) -> None:
    nowhere = Home(tmp_path)
    refused = nowhere.run("work", *flags, exit_code=1)
    words = refused.json["error"]["message"] if "--json" in flags else refused.stderr
    assert "no home here" in words
    assert str(tmp_path) in words
    assert contents(tmp_path) == []


def test_a_home_that_is_none_is_refused_by_name(tmp_path: Path, home: Home) -> None:
    (tmp_path / "elsewhere").mkdir()
    refused = home.run("--home", tmp_path / "elsewhere", "work", exit_code=1)
    assert "leadq init" in refused.stderr
    assert contents(tmp_path / "elsewhere") == []


def test_without_a_database_file_it_says_so_and_makes_none(home: Home) -> None:
    for file in (home.path / "storage").glob("leadq.db*"):
        file.unlink()
    refused = home.run("work", exit_code=1)
    assert refused.stdout == ""
    first, *more = refused.stderr.splitlines()
    assert first.startswith("Error: there is no database at ")
    assert "leadq migrate" in more[0]
    assert list((home.path / "storage").glob("*.db*")) == []


def test_a_home_whose_settings_are_gone_puts_no_mail_into_files(staffed: Home) -> None:
    create_lead(staffed)
    (staffed.path / ".env").unlink()
    refused = staffed.run("work", "--once", exit_code=1)
    assert refused.stderr.splitlines() == [
        f"Error: there is no {staffed.path}/.env, and MAIL_MAILER is not set: mails would go into files",
        f"  Put the file back, or make one to begin with: leadq init {staffed.path}",
    ]
    assert staffed.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    staffed.environment["MAIL_MAILER"] = "file"  # settings may all come from the environment, as in a container
    staffed.run("work", "--once")
    assert len(staffed.mails) == 1


def test_with_a_file_that_is_no_database_it_says_so(home: Home) -> None:
    for file in (home.path / "storage").glob("leadq.db-*"):
        file.unlink()
    (home.path / "storage" / "leadq.db").write_bytes(b"not a database at all" * 100)
    refused = home.run("work", exit_code=1)
    assert "not an SQLite database" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MAIL_PORT", "many"),
        ("MAIL_SCHEME", "imap"),
        ("MAIL_FROM_ADDRESS", ""),
        ("MAIL_CA_FILE", "no/such/file.pem"),
        ("MAIL_CA_FILE", ".env"),
        ("MAIL_URL", "http://mail.example.com"),
        ("MAIL_TIMEOUT", "-1"),
        ("LEADQ_JOBS", "no_such_module"),
        ("LOG_LEVEL", "loud"),
        ("DB_QUEUE_RETRY_AFTER", "soon"),
    ],
)
def test_with_a_wrong_setting_it_stops_before_it_takes_a_job(mailing: Home, key: str, value: str) -> None:
    create_lead(mailing)
    mailing.environment[key] = value
    refused = mailing.run("work", "--once", exit_code=1)
    assert key in refused.stderr
    assert "Traceback" not in refused.stderr
    assert mailing.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]


def test_the_wrong_value_is_named_but_never_a_secret(mailing: Home) -> None:
    create_lead(mailing)
    mailing.environment["MAIL_URL"] = "smtp://mailer:s3cret-w0rd@127.0.0.1:99999"
    refused = mailing.run("-v", "work", "--once", exit_code=1)
    assert "MAIL_URL" in refused.stderr
    assert "s3cret-w0rd" not in refused.stdout + refused.stderr + mailing.log
