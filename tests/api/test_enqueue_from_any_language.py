"""The INSERTs that the README gives to other programs, run as they are written there."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from pymysql.constants import CLIENT

from tests.homes import Home

EXAMPLES = Path(__file__).parents[1] / "examples"
SQLITE, MYSQL = (EXAMPLES / f"enqueue_{name}.sql" for name in ("sqlite", "mysql"))
PHP = (EXAMPLES / "enqueue.php").read_text(encoding="utf-8")


def assert_the_mail_goes_out(home: Home, name: str = "Bo Berg") -> None:
    result = home.run("work", "--stop-when-empty")
    assert "DONE" in result.stdout
    (mail,) = home.mails
    assert f"New lead: {name}" in mail.read_text(encoding="ascii")
    story = home.json("lead", "show", 1)
    assert (story["lead"]["name"], story["user"]["email"]) == (name, "ana@example.com")
    assert [delivery["status"] for delivery in story["deliveries"]] == ["sent"]


@pytest.mark.sqlite_only("this block is for SQLite")
def test_sqlite_through_a_driver(staffed: Home) -> None:
    with closing(sqlite3.connect(staffed.path / "storage" / "leadq.db", isolation_level=None)) as connection:
        connection.executescript(SQLITE.read_text(encoding="utf-8"))
    assert_the_mail_goes_out(staffed)


@pytest.mark.sqlite_only("this block is for SQLite")
@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 shell is installed")
def test_sqlite_through_its_shell(staffed: Home) -> None:
    with SQLITE.open("rb") as block:
        command = ["sqlite3", "-bail", "-cmd", ".timeout 5000", "storage/leadq.db"]
        subprocess.run(command, cwd=staffed.path, stdin=block, check=True, capture_output=True)
    assert_the_mail_goes_out(staffed)


@pytest.mark.mariadb_only("this block is for MySQL")
def test_mysql_through_a_driver(staffed: Home) -> None:
    settings = staffed.settings.database
    connection = pymysql.connect(
        host=settings.host,
        port=settings.port,
        unix_socket=settings.socket,
        user=settings.username,
        password=settings.password.reveal() if settings.password else "",
        database=settings.name,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(MYSQL.read_text(encoding="utf-8"))
        while cursor.nextset():
            pass
    assert_the_mail_goes_out(staffed)


@pytest.mark.mariadb_only("this block is for MySQL")
@pytest.mark.skipif(shutil.which("mariadb") is None, reason="no mariadb client is installed")
def test_mysql_through_its_shell(staffed: Home) -> None:
    settings = staffed.settings.database
    command = ["mariadb", "--no-defaults", f"--user={settings.username}", str(settings.name)]
    command += [f"--socket={settings.socket}"] if settings.socket else [f"--host={settings.host}"]
    command += [f"--port={settings.port}", "--protocol=tcp"] if not settings.socket else []
    environment = {"MYSQL_PWD": settings.password.reveal()} if settings.password else {}
    with MYSQL.open("rb") as block:
        subprocess.run(command, env=environment, stdin=block, check=True, capture_output=True)
    assert_the_mail_goes_out(staffed)


def test_the_statements_of_php(staffed: Home) -> None:
    """PDO's named parameters are bound in their order; a string in single quotes is what it says."""
    lead, job = re.findall(r"'(INSERT INTO [^']*)'", PHP)
    bound = [set(re.findall(r"'(\w+)' =>", part)) for part in re.findall(r"execute\(\[(.*?)\]\);", PHP, re.DOTALL)]
    values = {
        "name": "Zoë 😀",
        "email": "zoe@client.example",
        "message": "Hi",
        "user_id": 1,
        "created_at": 1_800_000_000,
    }
    insert(staffed, lead, bound[0], values)
    assert "'job' => 'SendLeadCreatedEmail', 'data' => ['lead_id' => (int) $pdo->lastInsertId()]" in PHP
    payload = '{"job":"SendLeadCreatedEmail","data":{"lead_id":1}}'  # json_encode's own spelling
    row = {"queue": "default", "payload": payload, "available_at": 1_700_000_000, "created_at": 1_700_000_000}
    insert(staffed, job, bound[1] - {"job", "data", "lead_id"}, row)
    staffed.run("work", "--stop-when-empty")
    assert len(staffed.mails) == 1
    assert staffed.json("lead", "show", 1)["lead"]["name"] == "Zoë 😀"


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
@pytest.mark.sqlite_only("about the syntax")
def test_php_can_read_it(home: Home) -> None:
    subprocess.run(["php", "-l", EXAMPLES / "enqueue.php"], check=True, capture_output=True)


def insert(home: Home, statement: str, bound: set[str], values: dict[str, object]) -> None:
    names = re.findall(r":(\w+)", statement)
    assert set(names) == bound == set(values)
    assert len(names) == len(set(names))  # PDO binds a name once where the server prepares
    home.sql(re.sub(r":\w+", "?", statement), *[values[name] for name in names])
