"""One connection for many mails, and what happens when it has gone away meanwhile."""

from __future__ import annotations

import pytest

from leadq.mail import smtp_transport
from leadq.mail.errors import DeliveryError, Kind
from tests.mail.samples import compose, soon
from tests.smtp_servers import DROP, RESET, STALL, MailServer, ScriptedServer


def test_one_connection_carries_many_mails(smtp):
    with MailServer() as server:
        transport = smtp(server.port)
        for number in range(5):
            transport.send(compose(uuid=f"mail-{number}"), deadline=soon())
        assert len(server.greetings) == 1
        assert [mail.message_id for mail in server.accepted] == [
            f"<leadq.mail-{number}@acme.example>" for number in range(5)
        ]


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
    with ScriptedServer({"mail": ["250 Ok", farewell, "250 Ok"]}) as server:
        transport = smtp(server.port, timeout=0.2)
        transport.send(compose(uuid="one"), deadline=soon())
        transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2
        assert len(server.accepted) == 2


def test_it_is_replaced_once_and_not_over_and_over(smtp):
    with ScriptedServer({"mail": ["250 Ok", DROP]}) as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        with pytest.raises(DeliveryError) as caught:
            transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2

    assert caught.value.kind is Kind.TRANSPORT


def test_a_new_connection_that_drops_at_mail_is_not_replaced(smtp):
    with ScriptedServer({"mail": [DROP]}) as server:
        with pytest.raises(DeliveryError):
            smtp(server.port).send(compose(), deadline=soon())
        assert server.connections == 1


@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
def test_nothing_is_repeated_once_the_server_has_taken_the_sender(smtp, stage):
    usual = "354 Go on" if stage == "data" else "250 Ok"
    with ScriptedServer({stage: [usual, DROP, usual]}) as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        with pytest.raises(DeliveryError):
            transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 1
        assert len(server.accepted) == 1


@pytest.mark.parametrize(("limit", "value"), [("IDLE_SECONDS", -1.0), ("OLDEST_SECONDS", -1.0), ("MOST_MAILS", 1)])
def test_a_connection_that_is_idle_old_or_used_up_is_ended_politely(smtp, monkeypatch, limit, value):
    monkeypatch.setattr(smtp_transport, limit, value)
    with ScriptedServer() as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2
        assert server.heard.count("QUIT") == 1
        assert len(server.accepted) == 2


def test_a_late_answer_is_never_taken_for_the_next_mails(smtp):
    with ScriptedServer({"dot": [STALL, "250 2.0.0 second"]}) as server:
        transport = smtp(server.port)
        with pytest.raises(DeliveryError):
            transport.send(compose(uuid="one"), deadline=soon(0.2))
        receipt = transport.send(compose(uuid="two"), deadline=soon())
        assert server.connections == 2

    assert receipt.reply == "250 2.0.0 second"


def test_there_is_no_noop_and_no_rset(smtp):
    with ScriptedServer({"rcpt": ["250 Ok", "550 5.1.1 no", "250 Ok"]}) as server:
        transport = smtp(server.port)
        transport.send(compose(uuid="one"), deadline=soon())
        with pytest.raises(DeliveryError):
            transport.send(compose(uuid="two"), deadline=soon())
        transport.send(compose(uuid="three"), deadline=soon())

    verbs = {line.split()[0] for line in server.heard}
    assert verbs == {"EHLO", "MAIL", "RCPT", "DATA", "QUIT"}
