"""`MySQL, MariaDB and many hosts`: the account's rights and the settings, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home
from tests.mariadb import HOST, MariaDbServer
from tests.readme.blocks import claim

(ACCOUNT,) = claim(section="MySQL, MariaDB and many hosts", language="sql")
(SETTINGS,) = claim(section="MySQL, MariaDB and many hosts", language="ini")
DATABASE, LOGIN, PASSWORD = "leads", "leadq", "a password"
OURS, OURS_LOGIN = "readme_leads", "readme"


@pytest.fixture
def granted(mariadb: MariaDbServer) -> Iterator[MariaDbServer]:
    """A server on which somebody has typed the statements, with names that are free there."""
    typed = ACCOUNT.text.replace(DATABASE, OURS).replace(f" {LOGIN}", f" {OURS_LOGIN}")
    for statement in typed.split(";")[:-1]:
        mariadb.execute(statement)
    yield mariadb
    mariadb.execute(f"DROP DATABASE {OURS}")
    mariadb.execute(f"DROP USER {OURS_LOGIN}")


def settings(port: int) -> str:
    """The page's `.env`, for this server, which has no certificate."""
    lines = [line for line in SETTINGS.text.splitlines() if not line.startswith("MYSQL_ATTR_SSL_CA=")]
    assert len(lines) == SETTINGS.text.count("\n") - 1
    text = "\n".join(lines).replace("db.example.com", HOST)
    text = text.replace(f"DB_DATABASE={DATABASE}", f"DB_DATABASE={OURS}")
    text = text.replace(f"DB_USERNAME={LOGIN}", f"DB_USERNAME={OURS_LOGIN}")
    return f"{text}\nDB_PORT={port}\n"


def test_two_hosts_with_these_settings_share_a_queue(granted: MariaDbServer, tmp_path: Path) -> None:
    hosts = [Home(tmp_path / name) for name in ("one", "two")]
    for host in hosts:
        host.path.mkdir()
        (host.path / ".env").write_text(settings(granted.port), encoding="utf-8")
        host.leadq("init", host.path)
    assert hosts[0].leadq("migrate").stdout == "Nothing to migrate.\n"
    hosts[0].leadq("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    hosts[0].leadq("lead", "create", "--name", "Bo Berg", "--email", "bo@client.example")
    hosts[1].leadq("work", "--once")
    assert (len(hosts[0].mails), len(hosts[1].mails)) == (0, 1)
    assert hosts[0].leadq("size").stdout == "0\n"


def test_the_line_about_tls_has_the_connection_verified(granted: MariaDbServer, home: Home) -> None:
    (line,) = [line for line in SETTINGS.text.splitlines() if line.startswith("MYSQL_ATTR_SSL_CA=")]
    authorities = Path(line.partition("=")[2])
    if not authorities.exists():
        pytest.skip(f"no {authorities} on this machine (on Debian: apt-get install ca-certificates)")
    (home.path / ".env").write_text(f"{settings(granted.port)}{line}\n", encoding="utf-8")
    refused = home.leadq("size", exit_code=1).stderr
    assert refused.startswith("Error: there is no TLS connection to the database server that can be trusted (")
