"""What every test may use."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadq import clock
from leadq.settings_keys import KEYS
from tests.homes import Home
from tests.smtp_servers import MailServer

NOW = 1_800_000_000  # 2027-01-15 08:00:00 UTC


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
def home(_template_home: Path, tmp_path: Path) -> Iterator[Home]:
    """A fresh home with the file mailer."""
    folder = tmp_path / "home"
    shutil.copytree(_template_home, folder)
    home = Home(folder)
    yield home
    home.close()


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
    return stopped
