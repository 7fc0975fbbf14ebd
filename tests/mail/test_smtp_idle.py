"""A kept connection that ends while nothing is said on it, and answers that nobody waits for any more."""

from __future__ import annotations

import socket

import pytest

from leadq.mail.errors import DeliveryError, Kind
from tests.mail.samples import compose, soon
from tests.smtp_servers import RESET, STALL, MailServer, ScriptedServer


def end_while_idle(server: ScriptedServer, how: str) -> None:
    """Ends the server's only connection, on which a mail has gone through, and waits until the client can tell."""
    (conversation,) = server._conversations
    if how.startswith("4"):
        conversation.perform(how)
    elif how == "reset":
        conversation._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    conversation.end_of_input()
    server._threads[1].join()


@pytest.mark.parametrize(
    "how",
    ["closed", "reset", "421 4.4.2 Idle for too long", "451 4.4.2 Timeout waiting for data from client"],
)
def test_a_connection_that_ended_while_idle_costs_no_attempt_and_no_time(smtp, how):
    with ScriptedServer() as server:
        transport = smtp(server.port, timeout=30)
        transport.send(compose(uuid="one"), deadline=soon())
        end_while_idle(server, how)
        transport.send(compose(uuid="two"), deadline=soon(2))
        assert server.connections == 2
        assert len(server.accepted) == 2


def test_a_connection_that_leads_nowhere_costs_one_timeout_and_no_attempt(smtp):
    with ScriptedServer({"mail": ["250 Ok", STALL, "250 Ok"]}) as server:
        transport = smtp(server.port, timeout=0.2)
        transport.send(compose(uuid="one"), deadline=soon())
        transport.send(compose(uuid="two"), deadline=soon(2))
        assert server.connections == 2
        assert len(server.accepted) == 2


def test_a_server_that_is_gone_altogether_is_found_out_within_the_attempt(smtp):
    with ScriptedServer({"greeting": ["220 scripted", RESET]}) as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        end_while_idle(server, "closed")
        with pytest.raises(DeliveryError) as caught:
            transport.send(compose(uuid="two"), deadline=soon())

    assert caught.value.kind is Kind.TRANSPORT
    assert caught.value.stage in {"greeting", "connect"}


def test_an_answer_that_is_due_to_a_mail_given_up_is_not_the_next_mails(smtp):
    with MailServer() as server:
        server.refuse("gone@example.org", "550 5.1.1 No such user")
        server.gate.clear()
        transport = smtp(server.port)
        with pytest.raises(DeliveryError) as first:
            transport.send(compose(uuid="one"), deadline=soon(0.3))
        server.gate.set()
        with pytest.raises(DeliveryError) as second:
            transport.send(compose(uuid="two", user_email="gone@example.org"), deadline=soon())

    assert (first.value.kind, first.value.stage) == (Kind.UNKNOWN, "dot")
    assert (second.value.kind, second.value.stage, second.value.code) == (Kind.PERMANENT, "rcpt", 550)
