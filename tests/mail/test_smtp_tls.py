"""Encryption and login."""

from __future__ import annotations

import base64
import logging
from datetime import UTC, datetime

import pytest

from leadq.mail.errors import DeliveryError, Kind
from tests.mail.samples import compose, soon
from tests.smtp_servers import DROP, STALL, MailServer, ScriptedServer, Tls

LOGIN = {"username": "leads", "password": "pässwörd #1"}


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_of_another_host(tmp_path_factory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"), "mail.example.com")


def fail(transport, seconds: float = 5.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(compose(), deadline=soon(seconds))
    return caught.value


def test_starttls_is_used_where_it_is_offered(smtp, tls):
    with MailServer(starttls=tls.server_context) as server:
        lines: list[str] = []
        smtp(server.port, dialogue=lines.append, ca_file=tls.ca_file).send(compose(), deadline=soon())
        assert len(server.accepted) == 1

    assert "C: STARTTLS" in lines
    assert len(server.greetings) == 2


def test_tls_from_the_first_byte(smtp, tls):
    with MailServer(implicit_tls=tls.server_context) as server:
        smtp(server.port, scheme="smtps", ca_file=tls.ca_file).send(compose(), deadline=soon())
        assert len(server.accepted) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_of_an_unknown_authority_is_a_config_error(smtp, tls, scheme):
    side = {"starttls" if scheme == "smtp" else "implicit_tls": tls.server_context}
    with MailServer(**side) as server:
        error = fail(smtp(server.port, scheme=scheme))
        assert server.accepted == []

    assert error.kind is Kind.CONFIG
    assert f"the certificate of 127.0.0.1:{server.port} is not to be trusted: unable to get local issuer" in str(error)


def test_a_certificate_of_another_host_is_a_config_error(smtp, tls_of_another_host):
    with MailServer(starttls=tls_of_another_host.server_context) as server:
        error = fail(smtp(server.port, ca_file=tls_of_another_host.ca_file))

    assert error.kind is Kind.CONFIG
    assert "127.0.0.1" in str(error)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_has_run_out_is_a_config_error(smtp, tmp_path, scheme):
    expired = Tls(tmp_path, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    side = {"starttls" if scheme == "smtp" else "implicit_tls": expired.server_context}
    with MailServer(**side) as server:
        error = fail(smtp(server.port, scheme=scheme, ca_file=expired.ca_file))
        assert server.accepted == []

    assert error.kind is Kind.CONFIG
    assert "certificate has expired" in str(error)


def test_verification_can_be_turned_off_loudly(smtp, tls, caplog):
    with MailServer(starttls=tls.server_context) as server:
        transport = smtp(server.port, verify=False)
        for number in range(2):
            transport.send(compose(uuid=f"mail-{number}"), deadline=soon())
        assert len(server.accepted) == 2

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["MAIL_VERIFY=false: anybody can pose as 127.0.0.1 and read the mails"]


def test_tls_with_a_server_that_does_not_speak_it_is_a_config_error(smtp):
    with MailServer() as server:
        error = fail(smtp(server.port, scheme="smtps"))

    assert (error.kind, error.stage) == (Kind.CONFIG, "connect")
    assert "no TLS with 127.0.0.1" in str(error)


@pytest.mark.parametrize("action", [DROP, STALL])
def test_a_handshake_that_breaks_off_is_a_transport_error(smtp, action):
    script = {"ehlo": ["250-x\r\n250 STARTTLS"], "starttls": [("220 go", action)]}
    with ScriptedServer(script) as server:
        error = fail(smtp(server.port, timeout=0.2))

    assert (error.kind, error.stage) == (Kind.TRANSPORT, "starttls")


def test_a_refused_starttls_is_not_followed_by_plain_text(smtp):
    script = {"ehlo": ["250-x\r\n250 STARTTLS"], "starttls": ["454 4.7.0 not now"]}
    with ScriptedServer(script) as server:
        error = fail(smtp(server.port))

    assert (error.kind, error.stage) == (Kind.TRANSPORT, "starttls")
    assert server.heard == ["EHLO acme.example", "STARTTLS", "QUIT"]


def test_what_is_slipped_in_before_the_encryption_is_forgotten(smtp, tls):
    script = {
        "ehlo": ["250-x\r\n250 STARTTLS", "250-x\r\n250 SIZE 1"],
        "starttls": ["220 go\r\n250-injected\r\n250 AUTH PLAIN"],
    }
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        lines: list[str] = []
        smtp(server.port, dialogue=lines.append, ca_file=tls.ca_file).send(compose(), deadline=soon())
        assert len(server.accepted) == 1

    assert not any("injected" in line for line in lines)


def test_a_login_with_a_password_in_any_script(smtp, tls):
    with MailServer(starttls=tls.server_context, login=("leads", "pässwörd #1")) as server:
        smtp(server.port, ca_file=tls.ca_file, **LOGIN).send(compose(), deadline=soon())
        assert server.logins_tried == [("leads", "pässwörd #1")]
        assert len(server.accepted) == 1


@pytest.mark.parametrize("choice", [{"auth": "login"}, {"hidden": ("PLAIN",)}])
def test_a_login_by_the_older_mechanism(smtp, tls, choice):
    hidden = choice.pop("hidden", ())
    login = ("leads", "pässwörd #1")
    with MailServer(starttls=tls.server_context, login=login, mechanisms_hidden=hidden) as server:
        smtp(server.port, ca_file=tls.ca_file, **LOGIN, **choice).send(compose(), deadline=soon())
        assert server.logins_tried == [login]


def test_a_wrong_password_is_tried_once_and_never_shown(smtp, tls, caplog):
    lines: list[str] = []
    with MailServer(starttls=tls.server_context, login=("leads", "right")) as server:
        error = fail(smtp(server.port, dialogue=lines.append, ca_file=tls.ca_file, **LOGIN))
        assert len(server.logins_tried) == 1

    assert (error.kind, error.stage, error.code) == (Kind.CONFIG, "auth", 535)
    assert "C: AUTH PLAIN ********" in lines
    secrets = ("pässwörd", base64.b64encode("\0leads\0pässwörd #1".encode()).decode())
    for shown in (str(error), repr(error), error.reply, caplog.text, "\n".join(lines)):
        assert not any(secret in shown for secret in secrets)


def test_a_server_that_repeats_the_password_is_not_quoted(smtp, tls):
    token = base64.b64encode("\0leads\0pässwörd #1".encode()).decode()
    script = {
        "ehlo": ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH PLAIN"],
        "auth": [f"501 5.5.2 cannot read AUTH PLAIN {token}"],
    }
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        error = fail(smtp(server.port, ca_file=tls.ca_file, **LOGIN))

    assert error.reply == "501 5.5.2 cannot read AUTH PLAIN ********"


def test_a_password_is_never_sent_in_the_clear(smtp):
    with ScriptedServer({"ehlo": ["250-x\r\n250 AUTH PLAIN LOGIN"]}) as server:
        error = fail(smtp(server.port, **LOGIN))

    assert (error.kind, error.stage) == (Kind.CONFIG, "starttls")
    assert not any(line.startswith("AUTH") for line in server.heard)


def test_a_login_that_the_server_does_not_offer_is_a_config_error(smtp, tls):
    script = {"ehlo": ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH CRAM-MD5"]}
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        error = fail(smtp(server.port, ca_file=tls.ca_file, **LOGIN))

    assert (error.kind, error.stage) == (Kind.CONFIG, "auth")
    assert "it offers CRAM-MD5" in str(error)


def test_too_many_logins_are_a_matter_of_time(smtp, tls):
    script = {
        "ehlo": ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH=PLAIN"],
        "auth": ["454 4.7.0 too many login attempts"],
    }
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        error = fail(smtp(server.port, ca_file=tls.ca_file, **LOGIN))

    assert (error.kind, error.stage) == (Kind.TRANSPORT, "auth")


def test_a_login_that_is_missing_is_a_config_error(smtp, tls):
    with MailServer(starttls=tls.server_context, login=("leads", "x")) as server:
        error = fail(smtp(server.port, ca_file=tls.ca_file))

    assert (error.kind, error.stage, error.code) == (Kind.CONFIG, "mail", 530)
