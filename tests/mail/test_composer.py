"""What a notification says, and to whom."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from leadq.errors import PermanentFailure
from leadq.mail.errors import PermanentDeliveryError
from leadq.mail.letter import Message
from tests.mail.samples import compose, make_composer


def parsed(message: Message) -> EmailMessage:
    return email.message_from_bytes(message.wire, policy=email.policy.default)


def test_the_mail_goes_from_us_to_the_user_and_replies_go_to_the_lead():
    message = compose()
    mail = parsed(message)

    assert mail["From"] == message.from_header == "Acme Leads <leads@acme.example>"
    assert mail["To"] == message.to == "Ben <ben@example.org>"
    assert mail["Reply-To"] == "Ana Lopez <ana@example.com>"
    assert mail["Subject"] == message.subject == "New lead: Ana Lopez"
    assert (message.sender, message.recipient) == ("leads@acme.example", "ben@example.org")


def test_a_leads_domain_in_its_own_script_is_readable_in_the_mail_and_ascii_in_its_header():
    message = compose(lead_email="ana@exämple.com")
    assert "Replies to this mail go to ana@exämple.com." in message.text
    assert parsed(message)["Reply-To"].addresses[0].addr_spec == "ana@xn--exmple-cua.com"


def test_the_headers_are_exactly_these():
    assert parsed(compose()).items() == [
        ("From", "Acme Leads <leads@acme.example>"),
        ("To", "Ben <ben@example.org>"),
        ("Subject", "New lead: Ana Lopez"),
        ("Date", "Thu, 01 Jan 2026 00:00:00 +0000"),
        ("Message-ID", "<leadq.6f1c1d0e-8f5b-4a43-9d5f-3a5a3c9f6f10@acme.example>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("Reply-To", "Ana Lopez <ana@example.com>"),
        ("MIME-Version", "1.0"),
        (
            "Content-Type",
            'multipart/alternative; boundary="=_leadq_6f1c1d0e-8f5b-4a43-9d5f-3a5a3c9f6f10"',
        ),
    ]


def test_the_text_stands_alone():
    assert compose().text == (
        "New lead for Ben: Ana Lopez\n"
        "\n"
        "Name:      Ana Lopez\n"
        "Email:     ana@example.com\n"
        "Phone:     +34 600 123 456\n"
        "Company:   Lopez & Sons\n"
        "Source:    website\n"
        "Received:  1 Jan 2026, 00:59 CET\n"
        "\n"
        "Message:\n"
        "\n"
        "  Hello,\n"
        "  please call me.\n"
        "\n"
        "Open the lead: https://crm.example.com/leads/7\n"
        "\n"
        "--\n"
        "Replies to this mail go to ana@example.com.\n"
        "Sent by Acme Leads, lead 7."
    )


def test_what_the_lead_left_out_is_left_out():
    message = compose(lead_name="", lead_phone=None, lead_company=None, lead_source="", lead_message=None, user_name="")

    assert message.subject == "New lead: ana@example.com"
    for label in ("Phone", "Company", "Source", "Message", "None"):
        assert label not in message.text
        assert label not in message.html
    assert message.to == "ben@example.org"


def test_a_message_that_is_cut_says_so():
    whole, cut = compose(lead_message="x" * 50_000), compose(lead_message="x" * 50_001)

    assert "beginning" not in whole.text + whole.html
    for shown in (cut.text, cut.html):
        assert "xxx…" in shown
        assert "(This is its beginning: the whole message has 50,001 characters.)" in shown


def test_text_comes_first_and_both_parts_read_as_composed():
    message = compose(lead_message="Größe: 5 €\n\n東京")
    text, html = parsed(message).iter_parts()

    assert text.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"
    assert text.get_content().splitlines() == message.text.splitlines()
    assert html.get_content().splitlines() == message.html.splitlines()


def test_the_same_letter_gives_the_same_bytes():
    assert compose(make_composer()).wire == compose(make_composer()).wire


def test_html_is_escaped_and_line_breaks_are_kept():
    html = compose(lead_name="<script>alert(1)</script>", lead_message='a <b>\n"c"').html

    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "a &lt;b&gt;<br>\n&#34;c&#34;" in html


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("ana@example.com", "mailto:ana@example.com"),
        ("a?bcc=x&b@example.com", "mailto:a%3Fbcc%3Dx%26b@example.com"),
    ],
)
def test_the_leads_address_is_a_link_that_writes_to_it_alone(address, link):
    assert f'href="{link}"' in compose(lead_email=address).html


def test_a_phone_number_can_be_called():
    assert 'href="tel:+34600123456"' in compose().html
    assert 'href="tel:' not in compose(lead_phone="ask Ana").html


def test_nothing_is_loaded_from_elsewhere():
    html = compose().html
    assert "src=" not in html
    assert "url(" not in html


def test_a_test_says_so_in_subject_and_bodies():
    message = compose(test=True)

    assert message.subject == "[TEST] New lead: Ana Lopez"
    assert message.text.startswith("This is a test of Acme Leads's notifications.")
    assert "This is a test of Acme Leads" in message.html


def test_an_override_gets_the_mail_and_the_user_is_noted():
    message = compose(make_composer(to_override="staging@example.net"))
    mail = parsed(message)

    assert message.recipient == "staging@example.net"
    assert mail["To"] == message.to == "staging@example.net"
    assert mail["X-Original-To"] == "ben@example.org"


def test_a_configured_reply_to_wins_over_the_lead():
    message = compose(make_composer(reply_to="sales@acme.example"))

    assert parsed(message)["Reply-To"] == "sales@acme.example"
    assert "Replies to this mail go to sales@acme.example." in message.text


@pytest.mark.parametrize("address", ["jürgen@example.com", "not an address", ""])
def test_replies_to_a_lead_that_cannot_be_written_to_are_not_offered(address):
    message = compose(lead_email=address)

    assert parsed(message)["Reply-To"] is None
    assert "Replies" not in message.text


def test_a_domain_in_its_own_script_is_mailed_by_its_ascii_name():
    message = compose(user_email="jose@exämple.com")

    assert message.recipient == "jose@xn--exmple-cua.com"
    assert parsed(message)["To"].addresses[0].addr_spec == "jose@xn--exmple-cua.com"
    assert message.to == "Ben <jose@exämple.com>"


@pytest.mark.parametrize("address", ["", "ben", "ben@", "a@b.com, c@d.com", "jürgen@example.com", "a@b\r\nc"])
def test_a_user_who_cannot_be_mailed_to_is_a_permanent_failure(address):
    with pytest.raises(PermanentDeliveryError) as caught:
        compose(user_email=address)
    assert caught.value.stage == "compose"


def test_a_foreign_uuid_never_leaves_its_place():
    first = compose(uuid="../../etc/passwd\r\nBcc: x@example.com")
    second = compose(uuid="../../etc/passwd\r\nBcc: y@example.com")

    assert b"passwd" not in first.wire
    assert first.message_id != second.message_id


def test_a_template_of_the_home_replaces_the_packaged_one(tmp_path):
    (tmp_path / "lead_created.subject.j2").write_text("{{ lead.company }}:\n{{ lead.name }}")
    message = compose(make_composer(tmp_path))

    assert message.subject == "Lopez & Sons: Ana Lopez"
    assert "Received:  1 Jan 2026" in message.text


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{% if %}", "Expected an expression"),
        ("{{ lead.nme }}", "no attribute 'nme'"),
        ("{{ 1 // 0 }}", "division"),
        ("{{ lead.name.__class__.__mro__ }}", "unsafe"),
        ("{% include 'missing.j2' %}", "missing.j2"),
    ],
)
def test_a_broken_template_fails_for_good_and_says_where(tmp_path, template, complaint):
    path = tmp_path / "lead_created.txt.j2"
    path.write_text("first line\n" + template)

    with pytest.raises(PermanentFailure) as caught:
        compose(make_composer(tmp_path))
    assert f"template {path}, line 2: " in str(caught.value)
    assert complaint in str(caught.value)


def test_a_template_that_is_not_text_fails_for_good_and_says_which(tmp_path):
    (tmp_path / "lead_created.html.j2").write_bytes(b"\xff\xfe")

    with pytest.raises(PermanentFailure, match=r"template lead_created\.html\.j2"):
        compose(make_composer(tmp_path))


def test_a_template_is_read_once(tmp_path):
    path = tmp_path / "lead_created.subject.j2"
    path.write_text("one")
    composer = make_composer(tmp_path)
    compose(composer)
    path.write_text("two")

    assert compose(composer).subject == "one"
