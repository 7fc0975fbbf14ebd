"""Errors folded into causes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from leadq.causes import DAY, HOUR, LONGEST_CAUSE, Cause, causes_of, folded
from leadq.store.records import FailedSummary

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        # addresses, ids and numbers go; reply codes and enhanced status codes stay
        (
            "SMTP 550 5.1.1 <bob@x.de>: no such user (id 4711)",
            "SMTP 550 5.1.1 <address>: no such user (id #)",
        ),
        ("E: RCPT ana@example.com was refused: 550 No such user", "E: RCPT <address> was refused: 550 No such user"),
        ("E: 421 4.7.0 Try again later, a@b.de", "E: 421 4.7.0 Try again later, <address>"),
        ("E: 550-5.7.26 This mail is 12 kB", "E: 550-5.7.26 This mail is # kB"),
        ("E: mailbox full (4.2.2)", "E: mailbox full (4.2.2)"),
        ("E: 250", "E: 250"),
        (
            "SMTPRecipientsRefused: {'bob@x.de': (550, b'5.1.1 <bob@x.de>: rejected')}",
            "SMTPRecipientsRefused: {'…': (550, b'5.1.1 <address>: rejected')}",
        ),
        ("E: it said '550 5.1.1 bob is unknown'", "E: it said '550 5.1.1 …'"),
        ("E: müller@exämple.de, <a@b>; c@d.e.", "E: <address>, <address>; <address>."),
        # three digits that are no code
        ("PermanentFailure: there is no lead 421 (any more)", "PermanentFailure: there is no lead # (any more)"),
        ("TimeoutExceeded: x has timed out after 250 s", "TimeoutExceeded: x has timed out after # s"),
        # other codes that tell causes apart
        ("HTTPError: HTTP 503 Service Unavailable", "HTTPError: HTTP 503 Service Unavailable"),
        ("E: status code 404", "E: status code 404"),
        ("OSError: [Errno 28] No space left on device: '/a/7.eml'", "OSError: [Errno 28] No space left on device: '…'"),
        ("OperationalError: (1205, 'Lock wait timeout')", "OperationalError: (1205, '…')"),
        # hosts and ports stay, addresses of machines go
        ("E: smtp.example.com:587: timed out", "E: smtp.example.com:587: timed out"),
        ("E: mx1.example.com: timed out", "E: mx1.example.com: timed out"),
        ("E: 192.0.2.7:2525: Connection refused", "E: <ip>:2525: Connection refused"),
        ("E: [2001:db8::1]:25 and ::1 and 192.0.2.7", "E: [<ip>]:25 and <ip> and <ip>"),
        # ids
        ("E: 8f14e45f-ceea-467f-a0e6-1234567890ab is gone", "E: # is gone"),
        ("E: object at 0x7f3a2b11, digest 9c1185a5c5e9", "E: object at #, digest #"),
        ("E: (queue id 4XyZ1) or queued as 8B2D5C1A7 or 4bXyZ9123abT", "E: (queue id #) or queued as # or #"),
        ("E: d9443c01a7336-2e0b1a2 - gsmtp", "E: # - gsmtp"),
        ("E: 9443-22 - gsmtp", "E: # - gsmtp"),
        ("E: job_4711, lead:7, user #12, 100%, 1,000.50", "E: job_#, lead:#, user ##, #%, #"),
        ("E: 2026-01-01 12:34:56, 30s, 5MB, 1.5 ms", "E: # #, #s, #MB, # ms"),
        ("E: https://crm.example.com/leads/7?a=1 said no", "E: https://crm.example.com/… said no"),
        # quoted values
        ("UnknownJob: no job is registered as 'Foo'", "UnknownJob: no job is registered as '…'"),
        ('E: "a b" `c` “d” «e»', 'E: "…" `…` “…” «…»'),
        ("E: it can't, and it doesn't", "E: it can't, and it doesn't"),
        # names with digits are names
        ("Error2: TLSv1.3, IPv4, utf8mb4, SSLv3", "Error2: TLSv1.3, IPv4, utf8mb4, SSLv3"),
        ("", ""),
        ("ValueError", "ValueError"),
        ("a\x1b[2J\u202eb\tc  d", "a [#J b c d"),
    ],
)
def test_what_differs_from_job_to_job_is_folded_out(error: str, cause: str) -> None:
    assert folded(error) == cause


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("E: 550 5.1.1 no", "E: 421 4.7.0 no"),
        ("E: 550 5.1.1 no", "E: 550 5.7.1 no"),
        ("ValueError: no", "OSError: no"),
        ("E: mail.example.com:25: refused", "E: mail.example.com:587: refused"),
        ("E: 192.0.2.7:25: refused", "E: 192.0.2.7:587: refused"),
        ("E: [Errno 28] no", "E: [Errno 13] no"),
        ("E: (1205, 'x')", "E: (1213, 'x')"),
    ],
)
def test_what_tells_causes_apart_is_kept(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_a_long_error_is_cut() -> None:
    cause = folded("E: " + "very " * 200 + "long")
    assert len(cause) <= LONGEST_CAUSE
    assert cause.endswith("…")


@pytest.mark.parametrize(
    "text", ["'", "a", "1.", "a@", ":", "0123456789abcdef", "a1", "a.", "1-", "f:", "<", "[2", "a:"]
)
def test_no_error_takes_long_to_fold(text: str) -> None:
    began = time.process_time()
    folded(text * 1000)
    assert time.process_time() - began < 0.5


def summary(failed_id: int, **values: Any) -> FailedSummary:
    defaults = {
        "uuid": f"u{failed_id}",
        "connection": "database",
        "queue": "default",
        "payload": '{"job": "Send", "data": {"lead_id": 7}}',
        "error": f"E: no user {failed_id}",
        "attempts": 3,
        "failed_at": NOW,
        "lead_id": None,
        "user_id": None,
    }
    return FailedSummary(id=failed_id, **(defaults | values))


def test_jobs_that_failed_for_one_reason_are_one_cause() -> None:
    failed = [
        summary(1, failed_at=NOW - DAY - 1, lead_id=1, user_id=1, payload='{"job": "Send"}'),
        summary(3, failed_at=NOW - HOUR, lead_id=7, user_id=1),
        summary(2, failed_at=NOW - HOUR - 1, lead_id=7, user_id=2),
    ]
    assert causes_of(iter(failed), now=NOW) == [
        Cause(
            job="Send",
            error="E: no user #",
            count=3,
            last_hour=1,
            last_day=2,
            first_at=NOW - DAY - 1,
            last_at=NOW - HOUR,
            leads=2,
            users=2,
            sample=3,
        )
    ]


def test_the_commonest_cause_comes_first_and_of_two_alike_the_latest() -> None:
    failed = [
        summary(1, error="old", failed_at=NOW - 9),
        summary(2, error="new"),
        summary(3, error="often"),
        summary(4, error="often"),
        summary(5, error="often", payload='{"job": "Other"}', failed_at=NOW - 5),
    ]
    told = [(cause.job, cause.error, cause.count) for cause in causes_of(failed, now=NOW)]
    assert told == [("Send", "often", 2), ("Send", "new", 1), ("Other", "often", 1), ("Send", "old", 1)]


@pytest.mark.parametrize(
    "payload", ["", "[]", '{"job": "x", "data": {"lead_id": [1]}}', '{"job": "x", "data": {"lead_id": "a"}}']
)
def test_a_payload_that_names_no_lead_counts_none(payload: str) -> None:
    (cause,) = causes_of([summary(1, payload=payload)], now=NOW)
    assert (cause.leads, cause.users) == (0, 0)


def test_nothing_has_no_cause() -> None:
    assert causes_of([], now=NOW) == []
