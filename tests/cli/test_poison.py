"""Rows that nobody can decode: each fails by itself, and the lead behind it is mailed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import create_lead
from tests.homes import Home

POISON = {
    "not utf-8": "CAST(X'7b226a6f62223a22ff227d' AS TEXT)",
    "blob": "X'7b226a6f62223a22ff227d'",
    "lone surrogate": r"""'{"job": "SendLeadCreatedEmail", "data": {"lead_id": 1, "note": "\ud800"}}'""",
    "surrogate in the name": r"""'{"job": "\ud800", "displayName": "\ud800"}'""",
    "not json": "'O:8:\"stdClass\":0:{}'",
    "unknown job": """'{"job": "App\\Jobs\\Nope", "data": {}}'""",
    "wrong data": """'{"job": "SendLeadCreatedEmail", "data": {"lead_id": "x"}}'""",
    "deep": "'" + "[" * 5000 + "'",
}


@pytest.mark.parametrize("payload", POISON.values(), ids=POISON.keys())
def test_a_row_that_nobody_can_decode_fails_by_itself_and_the_lead_behind_it_is_mailed(
    staffed: Home, payload: str
) -> None:
    staffed.sql(
        "INSERT INTO jobs (queue, payload, attempts, available_at, created_at)"
        f" VALUES ('default', {payload}, 0, 1000, 1000)"
    )
    create_lead(staffed)
    staffed.leadq("work", "--stop-when-empty", "--json")
    assert len(staffed.mails) == 1
    assert (staffed.count("jobs"), staffed.count("failed_jobs")) == (0, 1)
    assert staffed.json("failed")["total"] == 1
    assert staffed.json("failed", 1)["exception"] != ""


def test_an_error_that_no_utf_8_text_can_say_is_recorded_like_any_other(staffed: Home) -> None:
    staffed.add_module(
        "unsayable_jobs",
        "from leadq.job import Job\n\n\nclass Unsayable(Job):\n    def handle(self, context):\n"
        "        raise FileNotFoundError('caf\\udce9.txt')\n",
    )
    staffed.insert_job({"job": "Unsayable"})
    create_lead(staffed)
    staffed.leadq("work", "--stop-when-empty", "--tries", "1")
    assert len(staffed.mails) == 1
    assert staffed.json("failed")["failed"][0]["error"] == "FileNotFoundError: caf .txt"
