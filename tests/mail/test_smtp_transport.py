"""Mails over SMTP, as long as the server behaves."""

from __future__ import annotations

import pytest

from leadq.mail.errors import DeliveryError, Kind, PermanentDeliveryError
from tests.mail.samples import compose, make_composer, soon
from tests.smtp_servers import MailServer, ScriptedServer


def test_a_mail_arrives_byte_for_byte(smtp):
    message = compose(lead_message=".\n..two dots\nthree")
    with MailServer() as server:
        receipt = smtp(server.port).send(message, deadline=soon())
        (mail,) = server.accepted

    assert mail.wire == message.wire
    assert (mail.sender, mail.recipients) == ("leads@acme.example", ("ben@example.org",))
    assert mail.message_id == receipt.message_id == message.message_id
    assert receipt.reply == "250 2.0.0 Ok: queued as 000001"


def test_the_server_is_greeted_with_a_real_name(smtp):
    with MailServer() as server:
        smtp(server.port, ehlo_domain="crm.acme.example").send(compose(), deadline=soon())
        assert server.greetings == ["crm.acme.example"]


def test_an_override_is_the_only_recipient(smtp):
    with MailServer() as server:
        message = compose(make_composer(to_override="staging@example.net"))
        smtp(server.port).send(message, deadline=soon())
        assert server.accepted[0].recipients == ("staging@example.net",)


def test_a_recipient_under_an_international_domain_is_reached(smtp):
    with MailServer() as server:
        smtp(server.port).send(compose(user_email="jose@exämple.com"), deadline=soon())
        assert server.accepted[0].recipients == ("jose@xn--exmple-cua.com",)


def test_a_recipient_that_does_not_exist_is_a_permanent_failure(smtp):
    with MailServer() as server:
        server.refuse("ben@example.org", "550 5.1.1 no such user")
        with pytest.raises(PermanentDeliveryError) as caught:
            smtp(server.port).send(compose(), deadline=soon())

    error = caught.value
    assert str(error) == "RCPT refused: 550 5.1.1 no such user (permanent)"
    assert (error.kind, error.stage, error.code, error.enhanced) == (Kind.PERMANENT, "rcpt", 550, "5.1.1")
    assert error.reply == "550 5.1.1 no such user"


def test_one_bad_recipient_does_not_stop_the_next_mail(smtp):
    with MailServer() as server:
        server.refuse("bad@example.org", "550 5.1.1 no such user")
        transport = smtp(server.port)
        with pytest.raises(PermanentDeliveryError):
            transport.send(compose(user_email="bad@example.org"), deadline=soon())
        transport.send(compose(), deadline=soon())
        assert len(server.accepted) == 1


def test_a_mail_that_was_put_off_is_taken_at_the_next_attempt(smtp):
    message = compose()
    with MailServer() as server:
        server.refuse_data("451 4.3.0 try later", times=1)
        transport = smtp(server.port)
        with pytest.raises(DeliveryError) as caught:
            transport.send(message, deadline=soon())
        transport.send(message, deadline=soon())
        assert [mail.wire for mail in server.accepted] == [message.wire]

    assert (caught.value.kind, caught.value.stage) == (Kind.TEMPORARY, "dot")


def test_a_refused_sender_is_a_matter_of_configuration_and_said_once_in_the_log(smtp, caplog):
    with MailServer() as server:
        server.refuse_mail("553 5.1.8 not your address")
        transport = smtp(server.port)
        for _ in range(2):
            with pytest.raises(DeliveryError) as caught:
                transport.send(compose(), deadline=soon())

    assert caught.value.kind is Kind.CONFIG
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "no mail can leave: MAIL refused: 553 5.1.8 not your address (config)")
    ]


def test_a_reply_of_many_lines_is_kept_as_one(smtp):
    refusal = "550-5.1.1 The account\r\n550-5.1.1 does not\r\n550 5.1.1 exist."
    with ScriptedServer({"rcpt": [refusal]}) as server, pytest.raises(PermanentDeliveryError) as caught:
        smtp(server.port).send(compose(), deadline=soon())

    assert caught.value.reply == "550 5.1.1 The account does not exist."


def test_the_size_is_told_where_the_server_asks_for_it(smtp):
    message = compose()
    with ScriptedServer() as server:
        smtp(server.port).send(message, deadline=soon())

    assert f"MAIL FROM:<leads@acme.example> SIZE={len(message.wire)}" in server.heard


def test_closing_says_goodbye(smtp):
    with ScriptedServer() as server:
        transport = smtp(server.port)
        transport.send(compose(), deadline=soon())
        transport.close()
        transport.close()

    assert server.heard[-1] == "QUIT"


def test_discarding_says_nothing(smtp):
    with ScriptedServer() as server:
        transport = smtp(server.port)
        transport.send(compose(), deadline=soon())
        transport.discard()
        transport.discard()

    assert server.heard[-1] == "DATA"


def test_the_dialogue_can_be_followed(smtp):
    lines: list[str] = []
    with ScriptedServer() as server:
        transport = smtp(server.port, dialogue=lines.append)
        message = compose()
        transport.send(message, deadline=soon())
        transport.close()

    size = len(message.wire)
    assert lines == [
        "S: 220 scripted ESMTP",
        "C: EHLO acme.example",
        "S: 250 scripted ENHANCEDSTATUSCODES SIZE 1000000",
        f"C: MAIL FROM:<leads@acme.example> SIZE={size}",
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<ben@example.org>",
        "S: 250 2.1.5 Ok",
        "C: DATA",
        "S: 354 Go on",
        f"C: ({size} bytes of mail)",
        "C: .",
        "S: 250 2.0.0 Ok: queued",
        "C: QUIT",
        "S: 221 2.0.0 Bye",
    ]
