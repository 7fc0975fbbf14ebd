"""Secrets are shown to the mail server alone."""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path

import click
import pytest

from leadq.cli import cli
from tests.homes import Home, eventually
from tests.process.conftest import OWN_JOBS
from tests.process.signs import create_lead, failed_job, idle_worker, let_go, own_job, until_held
from tests.smtp_servers import ScriptedServer, Tls

pytestmark = pytest.mark.sqlite_only("about secrets, whatever the store")

NAME, PASSWORD = "mailer@acme.example", "s3cret-w0rd"
IN_BASE64 = [base64.b64encode(text.encode()).decode() for text in (PASSWORD, f"\0{NAME}\0{PASSWORD}")]
SPELLINGS = [PASSWORD, *(word.rstrip("=") for word in IN_BASE64)]


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


@pytest.fixture
def with_login(mailing: Home, tls: Tls) -> Home:
    """A home whose `.env` holds a login."""
    mailing.add_module("own_jobs", OWN_JOBS.read_text(encoding="utf-8"))
    with (mailing.path / ".env").open("a", encoding="utf-8") as file:
        file.write(f"\nMAIL_USERNAME={NAME}\nMAIL_PASSWORD='{PASSWORD}'\nMAIL_CA_FILE={tls.ca_file}\nLOG_LEVEL=debug\n")
    return mailing


def written(home: Home) -> bytes:
    """All that is in the storage: database, log, last words, mails."""
    files = [path for path in (home.path / "storage").rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def holds_a_secret(text: str | bytes) -> bool:
    data = text.encode() if isinstance(text, str) else text
    return any(spelling.encode() in data for spelling in SPELLINGS)


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_a_server_that_repeats_the_password_does_not_get_it_into_any_record(
    with_login: Home, tls: Tls, mechanism: str
) -> None:
    echo = " ".join((PASSWORD, *IN_BASE64))
    script = {
        "ehlo": ["250-scripted\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"],
        "auth": [f"535 5.7.8 no: {echo}" if mechanism == "plain" else "334 VXNlcm5hbWU6"],
        base64.b64encode(NAME.encode()).decode().lower(): ["334 UGFzc3dvcmQ6"],
        IN_BASE64[0].lower(): [f"535 5.7.8 no: {echo}"],
    }
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        with_login.environment |= {"MAIL_PORT": str(server.port), "MAIL_AUTH": mechanism}
        create_lead(with_login)
        worked = with_login.run("-v", "work", "--tries", 1, "--stop-when-empty")
        shown = with_login.run("-v", "failed", 1).stdout
        tested = with_login.run("-v", "test", "--to", "a@example.com", "--verbose", exit_code=1)
        assert IN_BASE64[mechanism == "plain"] in " ".join(server.heard)  # it was shown to the server
    assert "535 5.7.8 no: ********" in shown
    for text in (worked.stdout, worked.stderr, shown, tested.stdout, tested.stderr, written(with_login)):
        assert not holds_a_secret(text)


def test_the_list_of_processes_does_not_show_it(with_login: Home) -> None:
    with_login.insert_job(own_job("Held", name="held"))
    worker = with_login.start("work", "--processes", "2")
    until_held(with_login, "held")
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    assert len(children) == 2
    for pid in (worker.pid, *children):
        assert not holds_a_secret(Path(f"/proc/{pid}/cmdline").read_bytes())
        assert not holds_a_secret(Path(f"/proc/{pid}/environ").read_bytes())  # what it starts would inherit it
    let_go(with_login, "held")
    assert with_login.stop(worker).exit_code == 0


def test_last_words_do_not_hold_it(with_login: Home) -> None:
    with_login.insert_job(own_job("Crashing", MAXTRIES=1))
    with_login.run("-v", "work", "--once", exit_code=None)
    eventually(lambda: list((with_login.path / "storage" / "workers").iterdir()))
    assert not holds_a_secret(written(with_login))


def test_a_job_that_raises_its_surroundings_does_not_tell_it(with_login: Home) -> None:
    with_login.add_module(
        "telling",
        "from dataclasses import dataclass\n"
        "from leadq.config import load_settings\n"
        "from leadq.job import Job\n"
        "from pathlib import Path\n"
        "@dataclass\n"
        "class Telling(Job):\n"
        "    def handle(self, context):\n"
        "        settings = load_settings(Path.cwd())\n"
        "        assert settings.mail.password.reveal()\n"
        "        raise ValueError(settings, vars(context), settings.mail, f'{settings.mail.password}')\n",
    )
    with_login.insert_job({"job": "Telling"})
    worked = with_login.run("-v", "work", "--once", "--tries", 1)
    assert "********" in failed_job(with_login)["exception"]
    assert not holds_a_secret(worked.stdout + worked.stderr)
    assert not holds_a_secret(written(with_login))


def test_a_worker_that_is_interrupted_does_not_tell_it(with_login: Home) -> None:
    worker = idle_worker(with_login)
    os.kill(worker.pid, signal.SIGABRT)  # the interpreter's own words are kept
    ended = with_login.ended(worker)
    assert not holds_a_secret(ended.stdout + ended.stderr)
    assert not holds_a_secret(written(with_login))


def test_no_command_takes_a_secret_as_an_option() -> None:
    """What is typed is kept in the shell's history, and shown by ps."""
    pending: list[tuple[str, click.Command]] = [("leadq", cli)]
    options = []
    while pending:
        name, command = pending.pop()
        options += [f"{name} {parameter.name}" for parameter in command.params]
        if isinstance(command, click.Group):
            context = click.Context(command)
            names = command.list_commands(context)
            pending += [(f"{name} {child}", command.get_command(context, child)) for child in names]
    assert len(options) > 50
    assert [
        option for option in options if any(word in option for word in ("password", "secret", "token", "url"))
    ] == []
