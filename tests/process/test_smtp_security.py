"""TLS and logins, from the command line to the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job
from tests.smtp_servers import MailServer, Tls

pytestmark = pytest.mark.sqlite_only("about mail, whatever the store")

LOGIN = ("mailer", "s3cret-w0rd")


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


@contextmanager
def secured(home: Home, server: MailServer, **settings: str) -> Iterator[MailServer]:
    """A lead is waiting, and its mail goes to `server`."""
    with server:
        home.environment |= {"MAIL_PORT": str(server.port), **settings}
        create_lead(home)
        yield server


def no_secret_in(home: Home, output: str) -> bool:
    return LOGIN[1] not in output + home.log + str(home.sql("SELECT * FROM failed_jobs"))


def test_starttls_and_login(mailing: Home, tls: Tls) -> None:
    server = MailServer(starttls=tls.server_context, login=LOGIN)
    settings = {"MAIL_CA_FILE": str(tls.ca_file), "MAIL_USERNAME": LOGIN[0], "MAIL_PASSWORD": LOGIN[1]}
    with secured(mailing, server, **settings):
        worked = mailing.run("-v", "work", "--once")
        server.wait_for(1)
    assert server.logins_tried == [LOGIN]
    assert no_secret_in(mailing, worked.stdout + worked.stderr)


def test_implicit_tls_and_login(mailing: Home, tls: Tls) -> None:
    server = MailServer(implicit_tls=tls.server_context, login=LOGIN)
    with server:
        mailing.environment |= {
            "MAIL_URL": f"smtps://{LOGIN[0]}:{LOGIN[1]}@127.0.0.1:{server.port}",
            "MAIL_CA_FILE": str(tls.ca_file),
        }
        create_lead(mailing)
        mailing.run("work", "--once")
        server.wait_for(1)
    assert server.logins_tried == [LOGIN]


def test_a_wrong_password_is_tried_again_then_kept_and_never_shown(mailing: Home, tls: Tls) -> None:
    server = MailServer(starttls=tls.server_context, login=(LOGIN[0], "another"))
    settings = {"MAIL_CA_FILE": str(tls.ca_file), "MAIL_USERNAME": LOGIN[0], "MAIL_PASSWORD": LOGIN[1]}
    with secured(mailing, server, **settings):
        worked = mailing.run("-v", "work", "--backoff", 0, "--stop-when-empty")
    failed = failed_job(mailing)
    assert failed["attempts"] == 3
    assert "AUTH refused: 535" in failed["error"]
    assert server.accepted == []
    assert mailing.log.count("no mail can leave") == 1  # shouts, but once
    assert no_secret_in(mailing, worked.stdout + worked.stderr)


def test_a_certificate_that_nobody_vouches_for_is_refused(mailing: Home, tls: Tls) -> None:
    with secured(mailing, MailServer(starttls=tls.server_context)) as server:
        mailing.run("work", "--tries", 1, "--stop-when-empty")
        assert server.accepted == []
    assert "certificate" in failed_job(mailing)["error"]


def test_a_certificate_for_another_host_is_refused(mailing: Home, tmp_path: Path) -> None:
    tls = Tls(tmp_path, name="mail.example.net")
    with secured(mailing, MailServer(implicit_tls=tls.server_context), MAIL_CA_FILE=str(tls.ca_file)) as server:
        mailing.environment["MAIL_SCHEME"] = "smtps"
        mailing.run("work", "--tries", 1, "--stop-when-empty")
        assert server.accepted == []
    assert "certificate" in failed_job(mailing)["error"]


def test_a_password_is_never_sent_in_the_clear(mailing: Home) -> None:
    server = MailServer(login=LOGIN)
    with secured(mailing, server, MAIL_USERNAME=LOGIN[0], MAIL_PASSWORD=LOGIN[1]):
        mailing.run("work", "--tries", 1, "--stop-when-empty")
    assert server.logins_tried == []
    assert "STARTTLS" in failed_job(mailing)["error"]


def test_the_mail_goes_out_once_the_setting_is_corrected(mailing: Home, tls: Tls) -> None:
    with secured(mailing, MailServer(starttls=tls.server_context)) as server:
        mailing.run("work", "--backoff", 0, "--once")
        mailing.environment["MAIL_CA_FILE"] = str(tls.ca_file)
        mailing.run("work", "--once")
        server.wait_for(1)
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 2)]
