"""Mails over SMTP when the server fails: which kind, at which stage, in which time, and how many mails it has."""

from __future__ import annotations

import itertools
import socket
import time
from dataclasses import replace

import pytest

from leadq.mail import smtp_session
from leadq.mail.errors import DeliveryError, Kind, PermanentDeliveryError, Stage
from leadq.mail.smtp_reply import Reply
from leadq.mail.smtp_socket import SmtpSocket
from tests.mail.samples import compose, soon
from tests.smtp_servers import DEAF, DROP, RESET, STALL, ScriptedServer, closed_port, drip

STAGES = ["greeting", "ehlo", "mail", "rcpt", "data", "dot"]
SLACK_SECONDS = 0.2


def kind_of_silence(stage: str) -> Kind:
    return Kind.UNKNOWN if stage == "dot" else Kind.TRANSPORT


def fail(transport, seconds: float = 5.0) -> DeliveryError:
    """Sends a mail that must fail in time; the socket must be closed then."""
    deadline = soon(seconds)
    with pytest.raises(DeliveryError) as caught:
        transport.send(compose(), deadline=deadline)
    assert time.monotonic() <= deadline + SLACK_SECONDS
    assert transport._session is None
    return caught.value


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("action", [DROP, RESET])
def test_a_dropped_connection_is_noticed_at_once(smtp, stage, action):
    with ScriptedServer({stage: [action]}) as server:
        began = time.monotonic()
        error = fail(smtp(server.port, timeout=5.0))
        assert time.monotonic() - began < 1
        assert server.accepted == []

    stages = {stage, "connect"} if (stage, action) == ("greeting", RESET) else {stage}
    assert error.kind is kind_of_silence(stage)
    assert error.stage in stages


@pytest.mark.parametrize("stage", STAGES)
def test_a_silent_server_costs_no_more_than_the_deadline(smtp, stage):
    with ScriptedServer({stage: [STALL]}) as server:
        error = fail(smtp(server.port, timeout=5.0), seconds=0.2)
        assert server.accepted == []

    assert (error.kind, error.stage) == (kind_of_silence(stage), stage)
    assert "timed out" in str(error)


@pytest.mark.parametrize("stage", STAGES)
def test_a_dripping_server_cannot_outlive_the_deadline(smtp, stage):
    code = "250-" if stage != "data" else "354-"
    with ScriptedServer({stage: [drip(code)]}) as server:
        error = fail(smtp(server.port, timeout=5.0), seconds=0.2)

    assert (error.kind, error.stage) == (kind_of_silence(stage), stage)


def test_one_reply_may_take_the_mail_timeout_however_much_time_is_left(smtp):
    with ScriptedServer({"mail": [drip("250-")]}) as server:
        began = time.monotonic()
        error = fail(smtp(server.port, timeout=0.2), seconds=30)
        assert time.monotonic() - began < 0.2 + SLACK_SECONDS

    assert error.stage == "mail"


def test_the_reply_to_the_final_dot_gets_all_the_time_that_is_left(smtp):
    with ScriptedServer({"dot": [STALL]}) as server:
        transport = smtp(server.port, timeout=0.05)
        began = time.monotonic()
        error = fail(transport, seconds=0.4)
        assert time.monotonic() - began >= 0.4

    assert error.kind is Kind.UNKNOWN


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "reply", ["hello", "25", "2500 no", "\xff\xfe", "250-" + "x" * 9000, "\r\n".join(["250-x"] * 101)]
)
def test_an_answer_that_is_not_smtp_is_not_believed(smtp, stage, reply):
    with ScriptedServer({stage: [(reply, STALL)]}) as server:
        error = fail(smtp(server.port, timeout=5.0))

    assert (error.kind, error.stage) == (kind_of_silence(stage), stage)


@pytest.mark.parametrize("stage", STAGES)
def test_421_means_that_no_mail_can_leave_now(smtp, stage):
    with ScriptedServer({stage: [("421 4.7.0 shutting down", DROP)]}) as server:
        error = fail(smtp(server.port))

    assert (error.kind, error.stage, error.code) == (Kind.TRANSPORT, stage, 421)


def test_a_refused_ehlo_is_not_followed_by_helo(smtp):
    with ScriptedServer({"ehlo": ["550 no"]}) as server:
        error = fail(smtp(server.port))

    assert error.kind is Kind.CONFIG
    assert server.heard == ["EHLO acme.example", "QUIT"]


def test_a_connection_that_is_refused_is_a_transport_error(smtp):
    with closed_port() as port:
        error = fail(smtp(port))

    assert (error.kind, error.stage) == (Kind.TRANSPORT, "connect")
    assert str(error) == f"connect failed: 127.0.0.1:{port}: Connection refused (transport)"


def test_a_host_that_does_not_exist_is_a_transport_error(smtp, monkeypatch):
    def no_such_host(host: str, port: int, *, deadline: float) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(smtp_session, "resolve", no_such_host)
    error = fail(smtp(25))

    assert (error.kind, error.stage) == (Kind.TRANSPORT, "resolve")
    assert "no such host (Name or service not known)" in str(error)


def test_no_time_at_all_is_a_transport_error(smtp):
    with ScriptedServer() as server:
        error = fail(smtp(server.port), seconds=0)

    assert error.kind is Kind.TRANSPORT


@pytest.mark.parametrize("action", [DROP, RESET])
def test_a_drop_before_the_dot_never_counts_as_accepted(smtp, action):
    with ScriptedServer({"data": [("354 Go on", action)]}) as server:
        error = fail(smtp(server.port))
        assert server.accepted == []

    # whether the drop is seen before our dot leaves is the network's choice; both say the truth
    assert (error.stage, error.kind) in {("body", Kind.TRANSPORT), ("dot", Kind.UNKNOWN)}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("421 4.3.2 shutting down", Kind.TRANSPORT),
        ("452 4.3.1 disk full", Kind.TEMPORARY),
        ("552 5.3.4 message too big", Kind.PERMANENT),
        ("250 2.0.0 out of step", Kind.TRANSPORT),
    ],
)
def test_an_answer_before_the_dot_is_an_answer_to_the_unfinished_mail(smtp, reply, kind):
    with ScriptedServer({"data": [(f"354 Go on\r\n{reply}", STALL)]}) as server:
        error = fail(smtp(server.port))
        assert server.accepted == []

    assert (error.kind, error.stage, error.reply) == (kind, "body", reply)


def test_a_server_that_stops_reading_is_left_before_the_mail_is_whole(smtp):
    huge = replace(compose(), wire=compose().wire + b"x" * 16_000_000 + b"\r\n")
    with ScriptedServer({"body": [DEAF]}) as server:
        deadline = soon(0.5)
        with pytest.raises(DeliveryError) as caught:
            smtp(server.port, timeout=5.0).send(huge, deadline=deadline)
        assert time.monotonic() <= deadline + SLACK_SECONDS

    assert (caught.value.stage, caught.value.kind) == ("body", Kind.TRANSPORT)


def test_a_drop_right_after_the_250_is_a_success(smtp):
    with ScriptedServer({"dot": [("250 2.0.0 queued", DROP)]}) as server:
        transport = smtp(server.port)
        receipt = transport.send(compose(), deadline=soon())
        transport.close()
        assert len(server.accepted) == 1

    assert receipt.reply == "250 2.0.0 queued"


@pytest.mark.parametrize("farewell", ["500 no", DROP, RESET, "garbage"])
def test_a_bad_goodbye_harms_nobody(smtp, farewell):
    with ScriptedServer({"quit": [farewell]}) as server:
        transport = smtp(server.port)
        transport.send(compose(), deadline=soon())
        transport.close()
        assert len(server.accepted) == 1


def test_a_goodbye_without_an_answer_is_not_waited_for(smtp, monkeypatch):
    monkeypatch.setattr(smtp_session, "QUIT_SECONDS", 0.1)
    with ScriptedServer({"quit": [STALL]}) as server:
        transport = smtp(server.port, timeout=30)
        transport.send(compose(), deadline=soon())
        began = time.monotonic()
        transport.close()
        assert time.monotonic() - began < 0.5


def test_an_unknown_outcome_is_retried_with_a_warning(smtp, caplog):
    message = compose()
    with ScriptedServer({"dot": [DROP, "250 2.0.0 queued"]}) as server:
        transport = smtp(server.port)
        error = fail(transport)
        transport.send(message, deadline=soon())
        assert server.accepted == [message.wire]

    assert type(error) is DeliveryError
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "may arrive twice" in caplog.text


def test_an_unknown_outcome_can_be_held_for_a_person(smtp):
    with ScriptedServer({"dot": [DROP]}) as server:
        error = fail(smtp(server.port, on_unknown="hold"))

    assert isinstance(error, PermanentDeliveryError)
    assert error.kind is Kind.UNKNOWN
    assert "a person must decide" in str(error)
    assert "leadq retry sends the same mail again" in error.hint


class Alarm(BaseException):
    """What a job's timeout raises, from a signal handler, anywhere."""


@pytest.mark.parametrize("method", ["connect", "send", "read_reply"])
def test_an_exception_from_outside_closes_the_socket_without_a_word(smtp, monkeypatch, method):
    def interrupted(*args: object, **options: object) -> None:
        raise Alarm

    with ScriptedServer() as server:
        transport = smtp(server.port)
        monkeypatch.setattr(SmtpSocket, method, interrupted)
        with pytest.raises(Alarm):
            transport.send(compose(), deadline=soon())
        assert transport._session is None
    assert server.heard == []
    assert server.accepted == []


@pytest.mark.parametrize(("replies_read", "warnings"), [(4, 0), (5, 1)])  # greeting, EHLO, MAIL, RCPT: DATA is next
def test_an_exception_from_outside_warns_of_a_twin_once_the_mail_is_whole(
    smtp, monkeypatch, caplog, replies_read, warnings
):
    read_reply, count = SmtpSocket.read_reply, itertools.count()

    def interrupted(self: SmtpSocket, *, deadline: float) -> Reply:
        if next(count) == replies_read:
            raise Alarm
        return read_reply(self, deadline=deadline)

    monkeypatch.setattr(SmtpSocket, "read_reply", interrupted)
    with ScriptedServer({"dot": [STALL]}) as server, pytest.raises(Alarm):
        smtp(server.port).send(compose(), deadline=soon())

    assert (
        caplog.text.count("may arrive twice: end of DATA failed: broken off before the server had answered") == warnings
    )
    assert len(caplog.records) == warnings


def test_a_whole_mail_that_is_broken_off_can_be_held_for_a_person(smtp, monkeypatch):
    wait = SmtpSocket.read_reply

    def interrupted(self: SmtpSocket, *, deadline: float) -> Reply:
        if server.heard[-1:] == ["DATA"] and transport._session.stage is Stage.DOT:
            raise Alarm
        return wait(self, deadline=deadline)

    monkeypatch.setattr(SmtpSocket, "read_reply", interrupted)
    with ScriptedServer({"dot": [STALL]}) as server:
        transport = smtp(server.port, on_unknown="hold")
        with pytest.raises(PermanentDeliveryError, match="a person must decide"):
            transport.send(compose(), deadline=soon())
