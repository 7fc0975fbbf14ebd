"""`init`, `migrate`, and commands that find no home or a wrong setting."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from leadq.settings_keys import render_example
from leadq.store.schema import LATEST
from tests.homes import Home

NEXT = "Next: leadq user create --name NAME --email ADDRESS, then: leadq lead create\n"
IN_A_HOME: list[tuple[str, ...]] = [
    ("migrate",),
    ("migrate", "--status"),
    ("user", "create", "--name", "Ana", "--email", "ana@example.com"),
    ("user", "list"),
    ("user", "activate", "1"),
    ("user", "deactivate", "1"),
    ("lead", "create", "--name", "Bo", "--email", "bo@example.com"),
    ("lead", "list"),
    ("lead", "show", "1"),
    ("lead", "assign", "1", "1"),
    ("lead", "preview", "1"),
    ("work", "--once"),
    ("jobs",),
    ("jobs", "1"),
    ("size",),
    ("failed",),
    ("failed", "1"),
    ("retry", "all"),
    ("forget", "all"),
    ("flush", "--force"),
    ("prune-failed",),
    ("clear", "--force"),
    ("test",),
]
each_command = pytest.mark.parametrize("arguments", IN_A_HOME, ids=" ".join)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_init_makes_the_current_folder_a_home(no_home: Home) -> None:
    result = no_home.leadq("init")
    assert result.stdout == f"{no_home.path} is a home of leadq now.\n"
    assert result.stderr == NEXT
    assert (no_home.path / ".env").read_text() == render_example()
    assert no_home.leadq("size").stdout == "0\n"


def test_init_keeps_what_is_there(staffed: Home) -> None:
    (staffed.path / ".env").write_text("APP_NAME=mine\n")
    staffed.leadq("size")
    before = {name: data for name, data in contents(staffed.path).items() if not name.endswith(("-wal", "-shm"))}
    result = staffed.leadq("init")
    assert result.stdout == f"{staffed.path} is a home of leadq.\n"
    after = {name: data for name, data in contents(staffed.path).items() if not name.endswith(("-wal", "-shm"))}
    assert after == before
    assert [user["name"] for user in staffed.json("user", "list")["users"]] == ["Ana Sales"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_of_a_new_home_are_not_for_everybody(no_home: Home, umask: int) -> None:
    before = os.umask(umask)
    try:
        no_home.leadq("init")
        no_home.leadq("clear")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(no_home.path)): path.stat().st_mode & 0o777 for path in no_home.path.rglob("*")}
    assert modes.keys() >= {".env", ".leadq", "storage", "storage/leadq.db", "storage/logs/leadq.log", "storage/mail"}
    assert modes.pop(".env") == 0o600
    del modes[".leadq"]
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o027} == {}


@pytest.mark.parametrize("way", ["argument", "option", "variable"])
def test_init_makes_the_folder_that_is_named(no_home: Home, tmp_path: Path, way: str) -> None:
    folder = tmp_path / "deep" / "new home"
    arguments: dict[str, tuple[object, ...]] = {
        "argument": ("init", folder),
        "option": ("--home", folder, "init"),
        "variable": ("init",),
    }
    if way == "variable":
        no_home.environment["LEADQ_HOME"] = str(folder)
    no_home.leadq(*arguments[way])
    assert (folder / ".leadq").is_file()
    assert list(no_home.path.iterdir()) == []
    assert no_home.leadq("--home", folder, "size").stdout == "0\n"


def test_init_prints_what_it_applied_as_json(no_home: Home) -> None:
    home = str(no_home.path)
    assert no_home.json("init") == {"home": home, "schema": LATEST, "applied": [LATEST]}
    result = no_home.leadq("init", "--json")
    assert (result.json, result.stderr) == ({"home": home, "schema": LATEST, "applied": []}, "")


def test_init_where_a_file_is_in_the_way_is_wrong_usage(no_home: Home) -> None:
    (no_home.path / "file").touch()
    no_home.leadq("init", "file", exit_code=2)


def test_a_quiet_init_prints_its_result_alone(no_home: Home) -> None:
    assert no_home.leadq("-q", "init").stderr == ""


def test_migrate_brings_a_missing_database_back_and_says_so_once(home: Home) -> None:
    for file in (home.path / "storage").glob("leadq.db*"):
        file.unlink()
    assert home.leadq("size", exit_code=1).stderr == (
        f"Error: there is no database at {home.path}/storage/leadq.db\n"
        "  Make it with: leadq migrate (or correct DB_DATABASE in .env)\n"
    )
    assert home.leadq("migrate").stdout == f"Applied {LATEST}.\n"
    assert home.leadq("migrate").stdout == "Nothing to migrate.\n"
    assert home.json("migrate") == {"home": str(home.path), "schema": LATEST, "applied": []}


def test_migrate_status_lists_what_was_applied_and_changes_nothing(home: Home) -> None:
    result = home.leadq("migrate", "--status")
    assert re.fullmatch(rf"migration +applied *\n─+\n{LATEST}  \d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d *\n", result.stdout)
    home.sql("DELETE FROM leadq_migration")
    assert "not applied" in home.leadq("migrate", "--status", exit_code=1).stdout
    assert home.sql("SELECT * FROM leadq_migration") == []


def test_migrate_status_of_a_database_that_is_not_there_makes_none(home: Home) -> None:
    for file in (home.path / "storage").glob("leadq.db*"):
        file.unlink()
    home.leadq("migrate", "--status", exit_code=1)
    assert list((home.path / "storage").glob("leadq.db*")) == []


@each_command
def test_without_a_home_every_command_refuses_and_makes_nothing(no_home: Home, arguments: tuple[str, ...]) -> None:
    result = no_home.leadq(*arguments, exit_code=1)
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: no home here: neither --home nor LEADQ_HOME is given, and {no_home.path} and the folders above it "
        "have no .leadq file\n"
        "  Go to the home, or make this folder one with: leadq init\n"
    )
    assert list(no_home.path.iterdir()) == []


@each_command
def test_without_a_home_the_error_is_json_where_json_is_asked_for(no_home: Home, arguments: tuple[str, ...]) -> None:
    result = no_home.leadq(*arguments, "--json", exit_code=1)
    assert list(result.json) == ["error"]
    assert list(result.json["error"]) == ["type", "message", "hint"]
    assert result.json["error"]["type"] == "HomeNotFound"
    assert result.stderr == ""


@each_command
def test_a_wrong_setting_stops_every_command_before_anything_starts(home: Home, arguments: tuple[str, ...]) -> None:
    (home.path / ".env").write_text("MAIL_PORT=587\nDB_QUEUE_RETRY_AFTER=soon\n")
    before = contents(home.path)
    result = home.leadq(*arguments, exit_code=1)
    assert result.stdout == ""
    assert result.stderr == (
        "Error: DB_QUEUE_RETRY_AFTER=soon is wrong: 'soon' is not a duration; expected seconds or 90s, 10m, 2h, 1d\n"
        "  Correct DB_QUEUE_RETRY_AFTER in .env or in the environment.\n"
    )
    assert contents(home.path) == before


def test_a_wrong_setting_is_one_json_error(home: Home) -> None:
    home.environment["LOG_LEVEL"] = "loud"
    assert home.json("size", exit_code=1) == {
        "error": {
            "type": "ConfigError",
            "message": "LOG_LEVEL=loud is wrong: expected one of debug, info, warning, error",
            "hint": "Correct LOG_LEVEL in .env or in the environment.",
        }
    }


@pytest.mark.parametrize("value", ["Europe/Berlin", "UTC", "utc", "Asia/Kolkata"])
def test_every_time_zone_that_is_accepted_works_in_mails_and_on_screen(staffed: Home, value: str) -> None:
    staffed.environment["APP_TIMEZONE"] = value
    staffed.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert "DONE" in staffed.leadq("work", "--once").stdout
    staffed.leadq("lead", "show", 1)
    assert len(staffed.mails) == 1


def test_a_command_works_below_the_home_and_from_elsewhere(home: Home, no_home: Home) -> None:
    below = Home(home.path / "storage")
    assert below.leadq("size").stdout == "0\n"
    assert no_home.leadq("--home", home.path, "size").stdout == "0\n"
    no_home.environment["LEADQ_HOME"] = str(home.path)
    assert no_home.leadq("size").stdout == "0\n"


def test_a_database_of_another_version_is_refused_with_what_to_do(home: Home) -> None:
    home.sql("UPDATE leadq_migration SET name = '9999_from_the_future'")
    for arguments in (("size",), ("work", "--once"), ("migrate",)):
        result = home.leadq(*arguments, exit_code=1)
        assert result.stderr.startswith("Error: the database is newer than this program ")
        assert result.stderr.endswith("  Install the newer leadq on this host.\n")
