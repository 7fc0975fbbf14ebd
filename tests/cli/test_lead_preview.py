"""`lead preview`."""

from __future__ import annotations

import email
import email.policy

import pytest

from tests.cli.conftest import create_lead
from tests.conftest import Clock
from tests.homes import Home


@pytest.fixture
def previewed(staffed: Home) -> Home:
    """A home with lead 1, Zoë <bo@example.com>."""
    staffed.environment["MAIL_FROM_ADDRESS"] = "leads@acme.example"
    staffed.environment["APP_TIMEZONE"] = "UTC"
    create_lead(staffed, "Zoë & <Co>", "--message", "Call me.\nSoon.")
    return staffed


def test_the_text_is_shown_under_its_headers(time_now: Clock, previewed: Home) -> None:
    assert previewed.leadq("lead", "preview", 1).stdout == (
        "From:    leadq <leads@acme.example>\n"
        "To:      Ana Sales <ana@example.com>\n"
        "Subject: New lead: Zoë & <Co>\n"
        "\n"
        "New lead for Ana Sales: Zoë & <Co>\n"
        "\n"
        "Name:      Zoë & <Co>\n"
        "Email:     bo@example.com\n"
        "Received:  15 Jan 2027, 08:00 UTC\n"
        "\n"
        "Message:\n"
        "\n"
        "  Call me.\n"
        "  Soon.\n"
        "\n"
        "--\n"
        "Replies to this mail go to bo@example.com.\n"
        "Sent by leadq, lead 1.\n"
    )


def test_the_mail_is_printed_as_json(previewed: Home) -> None:
    document = previewed.json("lead", "preview", 1)
    assert list(document) == ["subject", "from", "to", "text", "html"]
    assert (document["subject"], document["from"], document["to"]) == (
        "New lead: Zoë & <Co>",
        "leadq <leads@acme.example>",
        "Ana Sales <ana@example.com>",
    )
    assert document["text"].startswith("New lead for Ana Sales: Zoë & <Co>\n")
    assert "Zoë &amp; &lt;Co&gt;" in document["html"]


def test_the_html_is_printed_alone(previewed: Home) -> None:
    html = previewed.leadq("lead", "preview", 1, "--html").stdout
    assert html.startswith("<!DOCTYPE html>\n")
    assert "<h1" in html
    assert "Zoë &amp; &lt;Co&gt;" in html
    assert "<Co>" not in html


def test_the_raw_message_is_the_one_that_is_sent(previewed: Home) -> None:
    raw = previewed.run("lead", "preview", 1, "--raw").stdout
    previewed.leadq("work", "--once")
    (sent,) = previewed.mails
    assert raw.replace("\r\n", "\n") == sent.read_bytes().decode("ascii").replace("\r\n", "\n")
    message = email.message_from_string(raw, policy=email.policy.default)
    assert message["Subject"] == "New lead: Zoë & <Co>"
    assert message["Message-ID"] == previewed.json("lead", "show", 1)["deliveries"][0]["message_id"]


def test_a_preview_sends_nothing_and_changes_nothing(previewed: Home) -> None:
    before = previewed.sql("SELECT * FROM jobs"), previewed.sql("SELECT * FROM deliveries")
    previewed.leadq("lead", "preview", 1)
    assert previewed.mails == []
    assert (previewed.sql("SELECT * FROM jobs"), previewed.sql("SELECT * FROM deliveries")) == before


def test_a_lead_of_nobody_has_no_mail(home: Home) -> None:
    create_lead(home)
    result = home.leadq("lead", "preview", 1, exit_code=1)
    assert (result.stdout, result.stderr) == (
        "",
        "Error: lead 1 is assigned to nobody, so there is no mail about it\n"
        "  Assign it with: leadq lead assign 1 USER\n",
    )


def test_a_lead_that_is_not_there_is_an_error(home: Home) -> None:
    assert home.json("lead", "preview", 7, exit_code=1) == {
        "error": {"type": "NotFound", "message": "there is no lead 7", "hint": "See: leadq lead list"}
    }
