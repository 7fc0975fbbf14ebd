"""Mail that leaves no machine: MAIL_MAILER=log and file."""

from __future__ import annotations

import email
import email.policy
import json

import pytest

from tests.homes import Home
from tests.process.signs import create_lead

pytestmark = pytest.mark.sqlite_only("about mail, whatever the store")


def test_file_writes_what_the_preview_shows(staffed: Home) -> None:
    uuid = create_lead(staffed, "Žofie", "--message", "Two\nlines")["job"]["uuid"]
    preview = staffed.run("lead", "preview", 1, "--raw").stdout
    staffed.run("work", "--once")
    (file,) = staffed.mails
    assert uuid in file.name
    assert file.read_bytes().decode("ascii").replace("\r\n", "\n") == preview.replace("\r\n", "\n")
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "New lead: Žofie"
    assert message["To"] == "Ana Sales <ana@example.com>"
    assert staffed.sql("SELECT status, message_id FROM deliveries") == [("sent", message["Message-ID"])]


def test_file_that_cannot_be_written_is_tried_again(staffed: Home) -> None:
    create_lead(staffed)
    folder = staffed.path / "storage" / "mail"
    folder.rmdir()
    folder.write_text("in the way")
    staffed.run("work", "--once", "--backoff", 0)
    assert staffed.sql("SELECT attempts FROM jobs") == [(1,)]
    folder.unlink()
    staffed.run("work", "--once")
    assert len(staffed.mails) == 1


def test_log_writes_the_text_into_the_log(staffed: Home) -> None:
    staffed.environment["MAIL_MAILER"] = "log"
    create_lead(staffed, "Bo", "--message", "Please call me.\nSoon!")
    staffed.run("work", "--once")
    assert staffed.sql("SELECT status FROM deliveries") == [("sent",)]
    assert "ana@example.com" in staffed.log
    text = staffed.json("lead", "preview", 1)["text"]
    logged = [line.strip() for line in staffed.log.splitlines()]
    assert [line.strip() for line in text.splitlines() if line.strip() not in logged] == []


def test_log_as_json_is_still_one_object_a_line(staffed: Home) -> None:
    staffed.environment |= {"MAIL_MAILER": "log", "LOG_FORMAT": "json"}
    create_lead(staffed, "Bo", "--message", "Please call me.\nSoon!")
    staffed.run("work", "--once")
    records = [json.loads(line) for line in staffed.log.splitlines()]
    (mail,) = [record for record in records if "Soon!" in str(record)]
    assert any("Please call me.\n" in str(value) for value in mail.values())
