"""Sender, recipient and DATA in one flight, where the server offers it (RFC 2920)."""

from __future__ import annotations

import time

import pytest

from leadq.mail import smtp_session
from leadq.mail.errors import DeliveryError, Kind
from tests.mail.samples import compose, soon
from tests.smtp_servers import AWAIT_MORE, DEAF, DROP, RESET, STALL, ScriptedServer, Step, Tls, drip, spell

OFFERED = "250-scripted\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 1000000"
NOT_OFFERED = "250-scripted\r\n250 ENHANCEDSTATUSCODES"
UNHURRIED: dict[str, Step] = {"mail": (AWAIT_MORE, "250 2.1.0 Ok"), "rcpt": (AWAIT_MORE, "250 2.1.5 Ok")}
STAGES = ["mail", "rcpt", "data"]
SLACK_SECONDS = 0.25


def server_with(**script: Step | list[Step]) -> ScriptedServer:
    """One that offers pipelining; its steps are single ones, or lists of them."""
    steps = {stage: step if isinstance(step, list) else [step] for stage, step in script.items()}
    return ScriptedServer({"ehlo": [OFFERED], **steps})


def fail(transport, seconds: float = 5.0) -> DeliveryError:
    """Sends a mail that must fail in time; the connection must be closed then."""
    deadline = soon(seconds)
    with pytest.raises(DeliveryError) as caught:
        transport.send(compose(), deadline=deadline)
    assert time.monotonic() <= deadline + SLACK_SECONDS
    assert transport._session is None
    return caught.value


def test_three_commands_leave_before_the_first_reply(smtp):
    first, second = compose(uuid="one"), compose(uuid="two")
    with server_with(**UNHURRIED) as server:
        transport = smtp(server.port)
        for message in (first, second):
            transport.send(message, deadline=soon())
        assert server.accepted == [first.wire, second.wire]
        assert server.connections == 1


def test_they_wait_for_each_other_where_the_server_does_not_offer_it(smtp):
    with ScriptedServer({"ehlo": [NOT_OFFERED], "mail": [UNHURRIED["mail"]]}) as server:
        error = fail(smtp(server.port, timeout=0.3))

    assert (error.stage, error.kind) == ("mail", Kind.TRANSPORT)
    assert server.heard == ["EHLO acme.example", "MAIL FROM:<leads@acme.example>"]


@pytest.mark.parametrize(
    ("before", "after", "at_once"),
    [
        pytest.param(NOT_OFFERED, OFFERED, True, id="only after STARTTLS"),
        pytest.param(OFFERED, NOT_OFFERED, False, id="only before STARTTLS"),
    ],
)
def test_the_offer_that_counts_is_the_one_made_under_encryption(smtp, tmp_path, before, after, at_once):
    tls = Tls(tmp_path)
    script: dict[str, list[Step]] = {
        "ehlo": [before.replace("250 ", "250-STARTTLS\r\n250 "), after],
        "mail": [UNHURRIED["mail"]],
    }
    with ScriptedServer(script, tls_context=tls.server_context) as server:
        transport = smtp(server.port, timeout=0.5, ca_file=tls.ca_file)
        if at_once:
            transport.send(compose(), deadline=soon())
        else:
            assert fail(transport).stage == "mail"
        assert len(server.accepted) == at_once
    assert ("DATA" in server.heard) == at_once


def test_replies_that_come_in_one_piece_are_told_apart(smtp):
    with server_with(mail="", rcpt="", data="250 2.1.0 Ok\r\n250-2.1.5 Ok\r\n250 indeed\r\n354 Go on") as server:
        receipt = smtp(server.port).send(compose(), deadline=soon())
        assert server.accepted == [compose().wire]

    assert receipt.reply == "250 2.0.0 Ok: queued"


def test_replies_that_are_written_one_at_a_time_are_not_held_up(smtp):
    seconds: list[float] = []
    with server_with() as server:
        transport = smtp(server.port)
        for number in range(15):
            began = time.monotonic()
            transport.send(compose(uuid=f"mail-{number}"), deadline=soon())
            seconds.append(time.monotonic() - began)
        assert len(server.accepted) == 15

    assert min(seconds) < 0.03  # an acknowledgement that is put off takes 40 ms


def test_replies_that_come_byte_by_byte_are_put_together(smtp):
    script = {"mail": spell("250 Ok"), "rcpt": spell("250 Ok"), "data": spell("354 Go on"), "dot": spell("250 Ok")}
    with server_with(**script) as server:
        receipt = smtp(server.port).send(compose(), deadline=soon())

    assert receipt.reply == "250 Ok"
    assert "DATA" in server.heard


@pytest.mark.parametrize(
    ("refused", "others", "kind"),
    [
        ({"mail": "553 5.1.8 not your address"}, {"rcpt": "503 5.5.1 no sender"}, Kind.CONFIG),
        ({"mail": "452 4.3.1 disk full"}, {}, Kind.TEMPORARY),
        ({"rcpt": "550 5.1.1 no such user"}, {}, Kind.PERMANENT),
        ({"rcpt": "450 4.7.1 greylisted"}, {}, Kind.TEMPORARY),
        ({"rcpt": "252 2.1.5 perhaps"}, {}, Kind.TRANSPORT),
    ],
)
class TestRefusals:
    """The first refusal is the answer, whatever comes after it, and the mail never follows."""

    @pytest.mark.parametrize("data", ["503 5.5.1 no valid recipients", "554 5.5.1 no valid recipients"])
    def test_a_server_that_refuses_data_as_well_is_said_goodbye_to(self, smtp, refused, others, kind, data):
        ((stage, reply),) = refused.items()
        with server_with(**refused, **others, data=data) as server:
            error = fail(smtp(server.port))
            assert server.accepted == []

        assert (error.stage, error.kind, error.reply) == (stage, kind, reply)
        assert server.heard[-2:] == ["DATA", "QUIT"]

    def test_a_server_that_waits_for_a_mail_nonetheless_gets_not_even_a_dot(self, smtp, refused, others, kind):
        ((stage, reply),) = refused.items()
        lines: list[str] = []
        with server_with(**refused, **others) as server:
            error = fail(smtp(server.port, dialogue=lines.append))
        assert server.accepted == []
        assert server.heard[-1] == "DATA"

        assert (error.stage, error.kind, error.reply) == (stage, kind, reply)
        assert lines[-1] == "S: 354 Go on"

    @pytest.mark.parametrize("end", [DROP, RESET, "not SMTP"])
    def test_a_server_that_is_gone_by_then_has_refused_all_the_same(self, smtp, refused, others, kind, end):
        ((stage, reply),) = refused.items()
        with server_with(**refused, **others, data=end) as server:
            error = fail(smtp(server.port))
            assert server.accepted == []

        assert (error.stage, error.kind, error.reply) == (stage, kind, reply)

    def test_a_server_that_falls_silent_costs_one_reply_timeout(self, smtp, refused, others, kind):
        ((stage, reply),) = refused.items()
        with server_with(**refused, **others, data=STALL) as server:
            began = time.monotonic()
            error = fail(smtp(server.port, timeout=0.6))
            assert time.monotonic() - began < 2 * 0.6

        assert (error.stage, error.kind, error.reply) == (stage, kind, reply)


def test_a_silent_server_after_a_refusal_cannot_outlive_the_deadline(smtp):
    with server_with(rcpt="550 5.1.1 no such user", data=drip("250-")) as server:
        error = fail(smtp(server.port, timeout=5.0), seconds=0.4)

    assert (error.stage, error.kind) == ("rcpt", Kind.PERMANENT)


@pytest.mark.parametrize(("reply", "kind"), [("451 4.3.0 later", Kind.TEMPORARY), ("554 5.7.1 no", Kind.PERMANENT)])
def test_data_that_is_refused_is_followed_by_nothing_but_a_goodbye(smtp, reply, kind):
    with server_with(data=reply) as server:
        error = fail(smtp(server.port))
        assert server.accepted == []

    assert (error.stage, error.kind, error.reply) == ("data", kind, reply)
    assert server.heard[-1] == "QUIT"


def test_after_a_refusal_the_next_mail_has_a_connection_of_its_own(smtp):
    with server_with(rcpt=["550 5.1.1 no such user", "250 2.1.5 Ok"]) as server:
        transport = smtp(server.port)
        fail(transport)
        transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2
        assert server.accepted == [compose(uuid="two").wire]


def test_a_reply_too_many_is_never_taken_for_an_acceptance(smtp):
    with server_with(mail="250 2.1.0 Ok\r\n250 2.1.0 Ok") as server:
        error = fail(smtp(server.port))
        assert server.accepted == []

    assert (error.stage, error.kind) == ("data", Kind.TRANSPORT)


@pytest.mark.parametrize("stage", STAGES)
def test_421_in_the_middle_means_that_no_mail_can_leave_now(smtp, stage):
    with server_with(**{stage: ("421 4.7.0 shutting down", STALL)}) as server:
        began = time.monotonic()
        error = fail(smtp(server.port, timeout=5.0))
        assert time.monotonic() - began < 1
        assert server.accepted == []

    assert (error.stage, error.kind, error.code) == (stage, Kind.TRANSPORT, 421)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("action", [DROP, RESET])
def test_a_drop_is_noticed_at_the_command_that_has_no_answer(smtp, stage, action):
    with server_with(**{stage: action}) as server:
        error = fail(smtp(server.port))
        assert server.accepted == []

    assert (error.stage, error.kind) == (stage, Kind.TRANSPORT)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("action", [STALL, drip("250-")])
def test_silence_is_noticed_there_too_and_costs_one_reply_timeout(smtp, stage, action):
    with server_with(**{stage: action}) as server:
        began = time.monotonic()
        error = fail(smtp(server.port, timeout=0.6), seconds=30)
        assert time.monotonic() - began < 2 * 0.6

    assert (error.stage, error.kind) == (stage, Kind.TRANSPORT)


@pytest.mark.parametrize(
    "farewell",
    [
        ("421 4.4.2 idle for too long", DROP),
        ("451 4.4.2 Timeout waiting for data from client", DROP),
        DROP,
        RESET,
        STALL,
    ],
)
def test_a_kept_connection_that_is_gone_is_replaced_within_the_attempt(smtp, farewell):
    with server_with(mail=["250 Ok", farewell, "250 Ok"]) as server:
        transport = smtp(server.port, timeout=0.3)
        transport.send(compose(uuid="one"), deadline=soon())
        transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2
        assert server.accepted == [compose(uuid="one").wire, compose(uuid="two").wire]


@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
def test_nothing_is_repeated_once_the_server_has_taken_the_sender(smtp, stage):
    usual = "354 Go on" if stage == "data" else "250 Ok"
    with server_with(**{stage: [usual, DROP, usual]}) as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        fail(transport)
        assert server.connections == 1
        assert server.accepted == [compose(uuid="one").wire]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("552 5.3.4 message too big", Kind.PERMANENT), ("250 2.0.0 out of step", Kind.TRANSPORT)],
)
@pytest.mark.parametrize("letters", [1, 40_000])
def test_an_answer_before_the_dot_keeps_the_dot_from_the_server(smtp, reply, kind, letters):
    with server_with(data=f"354 Go on\r\n{reply}", body=AWAIT_MORE) as server:
        with pytest.raises(DeliveryError) as caught:
            smtp(server.port).send(compose(lead_message="x" * letters), deadline=soon())
        assert server.accepted == []

    error = caught.value
    assert (error.stage, error.kind, error.reply) == ("body", kind, reply)


@pytest.mark.parametrize("letters", [1, 40_000])
def test_a_mail_of_any_size_arrives_byte_for_byte(smtp, letters):
    message = compose(lead_message=".\n" + "x" * letters + "\n.\n..two dots")
    with server_with() as server:
        smtp(server.port).send(message, deadline=soon())

    assert server.accepted == [message.wire]


def test_a_mail_is_the_same_wherever_its_last_bytes_begin(smtp, monkeypatch):
    message = compose(lead_message=".\n..\n.")
    with server_with() as server:
        transport = smtp(server.port)
        for size in range(1, 60):
            monkeypatch.setattr(smtp_session, "LAST_BYTES", size)
            transport.send(message, deadline=soon())

    assert set(server.accepted) == {message.wire}
    assert len(server.accepted) == 59


def test_a_server_that_stops_reading_a_small_mail_leaves_it_unknown(smtp):
    with server_with(body=DEAF) as server:
        error = fail(smtp(server.port), seconds=0.5)

    assert (error.stage, error.kind) == ("dot", Kind.UNKNOWN)


def test_the_dialogue_tells_the_lines_in_the_order_of_the_wire(smtp):
    lines: list[str] = []
    message = compose()
    with server_with(**UNHURRIED) as server:
        transport = smtp(server.port, dialogue=lines.append)
        transport.send(message, deadline=soon())
        transport.close()

    size = len(message.wire)
    assert lines[3:] == [
        f"C: MAIL FROM:<leads@acme.example> SIZE={size}",
        "C: RCPT TO:<ben@example.org>",
        "C: DATA",
        "S: 250 2.1.0 Ok",
        "S: 250 2.1.5 Ok",
        "S: 354 Go on",
        f"C: ({size} bytes of mail)",
        "C: .",
        "S: 250 2.0.0 Ok: queued",
        "C: QUIT",
        "S: 221 2.0.0 Bye",
    ]
