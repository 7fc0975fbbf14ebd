"""What every test may use."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadq import clock
from leadq.settings_keys import KEYS
from leadq.store.session import Session
from tests.homes import Home
from tests.mariadb import MariaDbDatabase, MariaDbServer, is_installed
from tests.smtp_servers import MailServer

NOW = 1_800_000_000  # 2027-01-15 08:00:00 UTC

EXCLUDED_BY = {"sqlite": "mariadb_only", "mariadb": "sqlite_only"}  # each database with the marker that keeps it out


def pytest_addoption(parser: pytest.Parser) -> None:
    soak = parser.getgroup("soak", "the soak: pytest -m soak tests/process/soak")
    soak.addoption("--soak", type=float, default=60, metavar="SECONDS", help="how long it makes trouble (default: 60)")
    soak.addoption("--soak-seed", type=int, metavar="NUMBER", help="repeats its choices, as far as chance allows")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_only(reason): not run on MariaDB")
    config.addinivalue_line("markers", "mariadb_only(reason): not run on SQLite")


def on_every_database(metafunc: pytest.Metafunc) -> None:
    """Has a test that uses a home run on each database."""
    if "home" in metafunc.fixturenames:
        metafunc.parametrize("home", list(EXCLUDED_BY), indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not _is_excluded(item)]


def _is_excluded(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    marker = EXCLUDED_BY.get(parameters.get("home", ""))
    return marker is not None and item.get_closest_marker(marker) is not None


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine's reaches a test, and no log handler outlives one."""
    for key in (*KEYS, "LEADQ_HOME", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    yield
    logger = logging.getLogger("leadq")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True


@pytest.fixture(scope="session")
def _template_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home made once; tests get copies."""
    folder = tmp_path_factory.mktemp("template") / "home"
    folder.mkdir()
    Home(folder).leadq("init", folder)
    return folder


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Home:
    """A fresh home with the file mailer: on SQLite, or on the database that the test is parametrised with."""
    home: Home = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_home")
    return home


@pytest.fixture
def sqlite_home(_template_home: Path, tmp_path: Path) -> Iterator[Home]:
    """A fresh home on SQLite."""
    folder = tmp_path / "home"
    shutil.copytree(_template_home, folder)
    home = Home(folder)
    yield home
    home.close()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """The MariaDB server of this test run. Where there is none its tests are skipped, but never unnoticed in CI."""
    if not is_installed():
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("no MariaDB server is installed (on Debian: apt-get install mariadb-server)")
    with MariaDbServer() as server:
        yield server


@pytest.fixture
def mariadb_home(_template_home: Path, tmp_path: Path, mariadb: MariaDbServer) -> Iterator[Home]:
    """A fresh home on MariaDB."""
    folder = tmp_path / "home"
    shutil.copytree(_template_home, folder, ignore=shutil.ignore_patterns("leadq.db*"))
    database = MariaDbDatabase(mariadb)
    home = Home(folder, database)
    yield home
    home.close()
    mariadb.restore()
    mariadb.drop_database(database.name)


@pytest.fixture
def staffed(home: Home) -> Home:
    """A home with one user: Ana Sales <ana@example.com>."""
    home.leadq("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    return home


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A well-behaved SMTP server."""
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing(staffed: Home, mail_server: MailServer) -> Home:
    """A home with one user whose mail goes to `mail_server`."""
    staffed.environment |= {
        "MAIL_MAILER": "smtp",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": str(mail_server.port),
        "MAIL_FROM_ADDRESS": "leads@acme.example",
        "MAIL_TIMEOUT": "5",
    }
    return staffed


@dataclass
class Clock:
    """The time as leadq sees it in this process."""

    now: int = NOW

    def pass_(self, seconds: int) -> None:
        self.now += seconds


@pytest.fixture
def time_now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock, stopped at NOW until a test moves it."""
    stopped = Clock()
    monkeypatch.setattr(clock, "now", lambda: stopped.now)
    monkeypatch.setattr(clock.DatabaseClock, "now", lambda _: stopped.now)
    monkeypatch.setattr(Session, "up_since", lambda _: 0)  # a server that was up all that time
    return stopped
