"""What an account needs rights for: to make tables, and to work on those that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from leadq.store.schema import LATEST
from tests.homes import Home
from tests.mariadb import PASSWORD, MariaDbServer

pytestmark = pytest.mark.mariadb_only("its rights")

TO_WORK = ("SELECT", "INSERT", "UPDATE", "DELETE")
TO_MIGRATE = ("CREATE", "INDEX", "ALTER", "REFERENCES")
NEEDED = (
    "  Workers need SELECT, INSERT, UPDATE and DELETE; leadq migrate needs CREATE, INDEX, ALTER and REFERENCES, too.\n"
)


@pytest.fixture
def granted(home: Home, mariadb: MariaDbServer) -> Iterator[Callable[..., None]]:
    """Gives rights on the home's database to the account that the home uses from now on."""
    name = "helper"
    mariadb.execute(f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")
    home.environment["DB_USERNAME"] = name
    yield lambda *rights: mariadb.execute(f"GRANT {', '.join(rights)} ON {home.environment['DB_DATABASE']}.* TO {name}")
    mariadb.execute(f"DROP USER {name}")


def test_an_account_that_can_only_read_and_write_runs_a_whole_queue(home: Home, granted: Callable[..., None]) -> None:
    granted(*TO_WORK)
    for name in ("ana", "bea"):
        home.leadq("user", "create", "--name", name, "--email", f"{name}@example.com")
    for name in ("Bo", "Cy", "Di"):
        home.leadq("lead", "create", "--name", name, "--email", "bo@example.com")
    home.leadq("lead", "assign", "3", "bea@example.com")
    home.leadq("work", "--once")
    home.insert_job({"job": "Unknown"})
    home.leadq("work", "--stop-when-empty")
    assert home.leadq("retry", "all").exit_code == 0
    home.leadq("work", "--stop-when-empty")
    assert len(home.mails) == 3
    assert home.leadq("flush", "--force").stdout == "1 failed job deleted.\n"
    home.leadq("test")
    assert home.leadq("clear").exit_code == 0
    assert home.json("lead", "list")["total"] == 3
    assert "lacks a right" not in home.log


def test_an_account_that_can_only_read_and_write_is_told_that_the_tables_are_up_to_date(
    home: Home, granted: Callable[..., None]
) -> None:
    granted(*TO_WORK)
    assert home.leadq("migrate").stdout == "Nothing to migrate.\n"
    assert LATEST in home.leadq("migrate", "--status").stdout
    assert home.leadq("init", home.path).stdout == f"{home.path} is a home of leadq.\n"


def test_an_account_that_can_only_read_and_write_is_told_what_it_lacks_to_make_the_tables(
    home: Home, granted: Callable[..., None]
) -> None:
    home.database.empty()
    granted(*TO_WORK)
    result = home.leadq("migrate", exit_code=1)
    assert result.stderr.startswith("Error: the database account lacks a right (CREATE command denied to user 'helper'")
    assert result.stderr.endswith(f"\n{NEEDED}")
    assert result.stderr.count("\n") == 2
    assert "not applied" in home.leadq("migrate", "--status", exit_code=1).stdout
    assert home.leadq("size", exit_code=1).stderr == (
        "Error: the database has no tables of leadq\n  Run: leadq migrate\n"
    )


@pytest.mark.parametrize("lacking", ["CREATE", "INDEX"])  # MySQL asks for the others, too
def test_the_rights_that_are_named_are_enough_to_make_the_tables_and_not_one_less(
    home: Home, granted: Callable[..., None], lacking: str
) -> None:
    home.database.empty()
    granted(*TO_WORK, *(right for right in TO_MIGRATE if right != lacking))
    assert home.leadq("migrate", exit_code=1).stderr.endswith(NEEDED)
    granted(lacking)
    assert home.leadq("migrate").stdout == f"Applied {LATEST}.\n"
