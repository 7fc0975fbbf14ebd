"""What strangers write stays text: for the database, the terminal, the log and the mail."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import LEAD_KEYS
from tests.homes import Home

HOSTILE = [
    "Robert'); DROP TABLE leads;--",
    'x" OR "1"="1',
    "%s %d ? :name {0} {name} %(x)s",
    "100%_\\'\\",
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    "[red]$(reboot)`reboot`[/red]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_field_of_a_lead_comes_back_as_it_was_written(staffed: Home, text: str) -> None:
    typed = {"name": text, "phone": text, "company": text, "source": text, "message": text}
    options = [word for key, value in typed.items() for word in (f"--{key}", value)]
    lead = staffed.json("lead", "create", "--email", "bo@example.com", *options)["lead"]
    assert list(lead) == LEAD_KEYS
    assert {key: lead[key] for key in typed} == typed
    assert staffed.json("lead", "show", 1)["lead"] == lead
    assert staffed.json("lead", "list")["total"] == 1
    preview = staffed.json("lead", "preview", 1)
    assert text in preview["text"]
    assert "49" not in preview["text"] + preview["html"] + preview["subject"]
    assert "root:" not in preview["text"]


@pytest.mark.parametrize("text", HOSTILE)
def test_filters_and_names_are_values(staffed: Home, text: str) -> None:
    staffed.leadq("user", "create", "--name", text, "--email", "b@example.com")
    assert [user["name"] for user in staffed.json("user", "list")["users"]] == ["Ana Sales", text]
    for uuid, error in (("u1", f"ValueError: {text} was here"), ("u2", "ValueError: something else")):
        staffed.sql(
            "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
            " VALUES (?, 'database', 'default', '{\"job\": \"x\", \"data\": {}}', ?, 0)",
            uuid,
            error,
        )
    assert [row["uuid"] for row in staffed.json("failed", "--error", text)["failed"]] == ["u1"]
    assert staffed.json("failed", "--job", text)["total"] == 0
    assert staffed.json("forget", text, exit_code=1)["not_found"] == [text]
    assert staffed.json("forget", "all", "--error", text)["deleted"] == 1
    assert staffed.count("failed_jobs") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_name_with_line_breaks_makes_no_record_of_its_own(staffed: Home, form: str) -> None:
    staffed.environment |= {"LOG_FORMAT": form, "MAIL_MAILER": "log"}
    forged = (
        'x\n{"level": "error", "message": "forged"}\r\n[2026-01-01 00:00:00] local.ERROR: forged\u2028\x85\x1b[2J\u202e'
    )
    staffed.leadq("user", "create", "--name", f"U{forged}", "--email", "u@example.com")
    staffed.leadq("lead", "create", "--name", forged, "--email", "bo@example.com", "--message", forged, "--user", 2)
    staffed.leadq("lead", "assign", 1, 1)
    staffed.leadq("work", "--stop-when-empty", "--name", forged)
    assert "forged" in staffed.log
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", staffed.log)
    for line in staffed.log.split("\n"):
        assert not line.startswith(("[2026-01-01", '{"level": "error"'))
        if form == "json" and line:
            assert json.loads(line)["message"] != "forged"
