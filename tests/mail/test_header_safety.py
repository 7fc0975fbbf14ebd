"""Whatever a stranger types, the mail keeps our headers, and the form that RFC 5322 wants."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadq.mail.errors import PermanentDeliveryError
from leadq.mail.wire import header_text, mail_bytes, mailbox_header, text_header
from leadq.text import many_lines
from tests.mail.samples import compose, make_composer

OURS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
]

SMUGGLERS = [
    "=?utf-8?q?x=0D=0ABcc=3A_v=40example.com?=",
    "Ana =?utf-8?b?eA0KQmNjOiB2QGV4YW1wbGUuY29t?= Lopez",
    "==??utf-8?q?x?=",
    "x\r\nBcc: v@example.com",
    "x\nBcc: v@example.com\n\nbody",
    "x\rBcc: v@example.com",
    "x\u2028Bcc: v@example.com",
    "x\u0085Bcc: v@example.com",
    "x\x0bBcc: v@example.com\x00",
    "\u202ereversed\u202c \u2066isolated\u2069",
    "[red]x[/red]\x1b[2J",
    'Ana "the\\boss" <v@example.com>, other@example.com',
    "a" * 5000,
    "a " * 3000,
    "名" * 3000,
    "👩‍👩‍👧‍👦 🇪🇸 ✉️",
    "\ud800 lone",
]

COMPOSER = make_composer()


def check_form(wire: bytes) -> None:
    assert wire.isascii()
    assert wire.count(b"\r\n") == wire.count(b"\r") == wire.count(b"\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    head, _, body = wire.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76
    for line in head.split(b"\r\n"):
        assert line.strip()


def lines_of(text: str) -> list[str]:
    return text.rstrip("\r\n").replace("\r\n", "\n").split("\n")


def check_letter(**fields: str) -> None:
    message = compose(COMPOSER, **fields)
    check_form(message.wire)
    mail = email.message_from_bytes(message.wire, policy=email.policy.default)
    assert mail.keys() == OURS
    assert not mail.defects
    assert mail["Subject"] == message.subject
    assert [address.addr_spec for address in mail["To"].addresses] == ["ben@example.org"]
    assert [address.addr_spec for address in mail["Reply-To"].addresses] == ["ana@example.com"]
    text, html = mail.iter_parts()
    assert lines_of(text.get_content()) == lines_of(message.text)
    assert lines_of(html.get_content()) == lines_of(message.html)


@pytest.mark.parametrize("text", SMUGGLERS)
def test_no_field_smuggles_a_header(text):
    check_letter(
        lead_name=text,
        lead_phone=text,
        lead_company=text,
        lead_source=text,
        lead_message=text,
        user_name=text,
    )


@pytest.mark.parametrize("text", SMUGGLERS)
def test_control_and_bidi_characters_never_arrive(text):
    message = compose(COMPOSER, lead_name=text, lead_message=text)

    for shown in (message.subject, message.text.replace("\n", ""), message.html.replace("\n", "")):
        assert not any(c in shown for c in "\r\x00\x0b\x1b\x85\u2028\u202e\u202c\u2066\u2069\ud800")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.text(max_size=200),
    user=st.text(max_size=80),
    company=st.text(alphabet=st.sampled_from('=?_"\\<>@,;:.()\r\n =utf8qb😀é'), max_size=150),
    message=st.text(max_size=400),
)
def test_any_lead_becomes_one_well_formed_mail(name, user, company, message):
    check_letter(lead_name=name, user_name=user, lead_company=company, lead_message=message)
    check_letter(lead_name=company, user_name=company)


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_header_reads_back_as_the_harmless_text_it_was_made_of(text):
    name, value = text_header("Subject", text)
    mail = email.message_from_bytes(f"{name}: {value}\r\n\r\n".encode("ascii"), policy=email.policy.default)

    assert mail["Subject"] == header_text(text)
    assert max(map(len, f"{name}: {value}".split("\r\n"))) <= 78


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Ana Lopez", "Ana Lopez <a@example.com>"),
        ("Lopez, Ana", '"Lopez, Ana" <a@example.com>'),
        ('Ana "A" \\', '"Ana \\"A\\" \\\\" <a@example.com>'),
        ("Ana <b@example.com>", '"Ana <b@example.com>" <a@example.com>'),
        ("José", "=?utf-8?b?Sm9zw6k=?= <a@example.com>"),
        ("", "a@example.com"),
    ],
)
def test_a_display_name_is_quoted_where_it_must_be(name, value):
    assert mailbox_header("To", name, "a@example.com") == ("To", value)


def test_a_mail_with_a_header_that_nobody_set_is_not_made():
    with pytest.raises(PermanentDeliveryError, match="Bcc"):
        mail_bytes([("Subject", "x\r\nBcc: v@example.com")], text="t", html="h", boundary="=_b")


def test_a_mail_with_a_line_too_long_is_not_made():
    with pytest.raises(PermanentDeliveryError, match="998"):
        mail_bytes([("X-Long", "x" * 999)], text="t", html="h", boundary="=_b")


def test_long_lines_of_a_message_are_wrapped_on_the_wire_and_whole_when_read():
    text = "x" * 5000 + "\n.\n..\nFrom here \n" + "名" * 5000
    message = compose(COMPOSER, lead_message=text)
    check_form(message.wire)
    part = next(email.message_from_bytes(message.wire, policy=email.policy.default).iter_parts())

    assert all(line in part.get_content() for line in many_lines(text).split("\n"))


@pytest.mark.parametrize("text", ["=?" * 400, "a" * 498 + "=?x", "=?utf-8?q?x?= " + "a" * 4000, "=\x00?x", "=\u202e?x"])
def test_what_was_made_safe_once_is_not_changed_by_doing_it_again(text):
    safe = header_text(text)
    assert header_text(safe) == safe
    assert "=?" not in safe
    assert len(safe) <= 500
