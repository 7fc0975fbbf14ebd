"""Logins with a token that a command prints."""

from __future__ import annotations

import base64
import json
import shlex
import sys
import time

import pytest

from leadq.mail.errors import DeliveryError, Kind
from leadq.mail.oauth_token import challenge_words, token_of
from tests.homes import Home, eventually
from tests.mail.samples import compose, soon
from tests.smtp_servers import ScriptedServer, Step, Tls

TOKEN = "ya29.A0AfH6SM_secret-token~+/9=="
HELLO: list[Step] = ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH PLAIN LOGIN XOAUTH2"]
CHALLENGE = base64.b64encode(json.dumps({"status": "400", "schemes": "Bearer", "scope": "mail"}).encode()).decode()
REFUSAL = {"auth": [f"334 {CHALLENGE}"], "empty line": ["535 5.7.8 Username and Password not accepted"]}


def python(program: str) -> str:
    return f"{sys.executable} -c {shlex.quote(program)}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


def make(smtp, server: ScriptedServer, tls: Tls, command: str, lines: list[str] | None = None):
    dialogue = None if lines is None else lines.append
    return smtp(
        server.port,
        dialogue=dialogue,
        ca_file=tls.ca_file,
        username="ana@x.example",
        auth="xoauth2",
        token_command=command,
    )


def fail(transport, seconds: float = 5.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(compose(), deadline=soon(seconds))
    return caught.value


def test_the_token_is_shown_to_the_server_and_to_nobody_else(smtp, tls, caplog):
    lines: list[str] = []
    with ScriptedServer({"ehlo": HELLO}, tls_context=tls.server_context) as server:
        make(smtp, server, tls, f"echo ' {TOKEN} '", lines).send(compose(), deadline=soon())
        assert len(server.accepted) == 1

    (login,) = [line for line in server.heard if line.startswith("AUTH")]
    mechanism, proof = login.split()[1:]
    assert mechanism == "XOAUTH2"
    assert base64.b64decode(proof) == f"user=ana@x.example\1auth=Bearer {TOKEN}\1\1".encode()
    assert "C: AUTH XOAUTH2 ********" in lines
    assert TOKEN not in "\n".join(lines) + caplog.text


def test_a_refused_token_is_answered_and_its_reason_kept(smtp, tls):
    with ScriptedServer({"ehlo": HELLO, **REFUSAL}, tls_context=tls.server_context) as server:
        error = fail(make(smtp, server, tls, f"echo '{TOKEN}'"))
        assert server.heard[-2:] == ["", "QUIT"]

    assert (error.kind, error.stage, error.code) == (Kind.CONFIG, "auth", 535)
    assert '535 5.7.8 Username and Password not accepted {"status": "400", "schemes": "Bearer"' in str(error)
    assert TOKEN not in str(error)


def test_a_server_that_repeats_the_token_is_not_quoted(smtp, tls):
    challenge = base64.b64encode(json.dumps({"token": TOKEN}).encode()).decode()
    script = {"ehlo": HELLO, "auth": [f"334 {challenge}"], "empty line": [f"535 5.7.8 no {TOKEN}"]}
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        error = fail(make(smtp, server, tls, f"echo '{TOKEN}'"))

    assert error.reply == '535 5.7.8 no ******** {"token": "********"}'


def test_too_many_logins_are_a_matter_of_time(smtp, tls):
    script = {"ehlo": HELLO, "auth": [f"334 {CHALLENGE}"], "empty line": ["454 4.7.0 Too many login attempts"]}
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        assert fail(make(smtp, server, tls, f"echo '{TOKEN}'")).kind is Kind.TRANSPORT


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo no login >&2; echo more >&2; exit 3", "ended with exit code 3: no login"),
        ("exit 1", "ended with exit code 1"),
        (f"echo '{TOKEN}'; echo 'bad {TOKEN}' >&2; exit 1", "ended with exit code 1: bad ********"),
        (f"echo 'bad {'k' * 40} here' >&2; exit 1", "ended with exit code 1: bad ******** here"),
        ("no-such-command-here", "ended with exit code 127: "),
        ("kill -TERM $$", "ended with signal 15"),
        ("true", "printed no token: expected one word"),
        ("echo two words", "printed no token: expected one word"),
        ("printf 'a\\1b'", "printed no token: expected one word"),
    ],
)
def test_a_command_that_gives_no_token_is_a_matter_of_settings(smtp, tls, command, reason):
    with ScriptedServer({"ehlo": HELLO}, tls_context=tls.server_context) as server:
        error = fail(make(smtp, server, tls, command))
        assert not any(line.startswith("AUTH") for line in server.heard)

    assert (error.kind, error.stage) == (Kind.CONFIG, "auth")
    assert f"AUTH failed: MAIL_TOKEN_COMMAND {reason}" in str(error)


def test_a_command_that_hangs_is_killed_within_the_deadline_with_what_it_started(smtp, tls, tmp_path):
    mark = tmp_path / "alive"
    program = f"import time\nwhile True: open({str(mark)!r}, 'w').write(str(time.time())); time.sleep(0.02)"
    with ScriptedServer({"ehlo": HELLO}, tls_context=tls.server_context) as server:
        began = time.monotonic()
        error = fail(make(smtp, server, tls, f"{python(program)} & wait"), seconds=0.6)
        assert time.monotonic() - began < 0.6 + 0.2

    assert "MAIL_TOKEN_COMMAND did not end within 0." in str(error)
    eventually(lambda: not mark.exists() or time.time() - mark.stat().st_mtime > 0.3)


def test_a_command_that_an_alarm_breaks_off_is_killed(monkeypatch):
    class Alarm(BaseException):
        """What a job's timeout raises."""

    def interrupted(*arguments: object, **options: object) -> None:
        raise Alarm

    monkeypatch.setattr("subprocess.Popen.communicate", interrupted)
    began = time.monotonic()
    with pytest.raises(Alarm):
        token_of("sleep 30", seconds=60)
    assert time.monotonic() - began < 5


def test_a_challenge_that_is_no_base64_says_nothing():
    assert challenge_words("no base64!") == challenge_words("") == ""
    assert challenge_words("/w==") == ""


def test_a_worker_logs_in_with_a_token(mailing: Home, tls: Tls) -> None:
    mailing.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    with ScriptedServer({"ehlo": [*HELLO, *HELLO], **REFUSAL}, tls_context=tls.server_context) as server:
        server.script["auth"].append("235 2.7.0 Welcome")
        mailing.environment |= {
            "MAIL_PORT": str(server.port),
            "MAIL_CA_FILE": str(tls.ca_file),
            "MAIL_AUTH": "xoauth2",
            "MAIL_USERNAME": "ana@x.example",
            "MAIL_TOKEN_COMMAND": f"echo '{TOKEN}'",
        }
        mailing.leadq("-v", "work", "--stop-when-empty", "--backoff", 0)
        assert len(server.accepted) == 1
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 2)]
    assert TOKEN not in mailing.log + str(mailing.sql("SELECT * FROM delivery_events"))
