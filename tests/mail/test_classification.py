"""The one table of SMTP errors."""

from __future__ import annotations

import pytest

from leadq.errors import MailError, PermanentFailure
from leadq.mail.errors import DeliveryError, Kind, PermanentDeliveryError, Stage, classify, failed, refused

REPLIES = [
    ("rcpt", 550, "5.1.1", "no such user", Kind.PERMANENT),
    ("rcpt", 550, None, "no such user", Kind.PERMANENT),
    ("rcpt", 553, "5.1.3", "bad address syntax", Kind.PERMANENT),
    ("rcpt", 554, "5.7.1", "relay access denied", Kind.PERMANENT),
    ("rcpt", 552, "5.2.2", "over quota, limit exceeded", Kind.PERMANENT),
    ("rcpt", 552, None, "mailbox quota exceeded", Kind.PERMANENT),
    ("rcpt", 450, "4.7.1", "greylisted", Kind.TEMPORARY),
    ("rcpt", 452, "4.2.2", "mailbox full", Kind.TEMPORARY),
    ("rcpt", 421, "4.7.0", "try again later", Kind.TRANSPORT),
    ("rcpt", 530, "5.7.0", "authentication required", Kind.CONFIG),
    ("rcpt", 550, "5.4.5", "daily sending quota exceeded", Kind.TRANSPORT),
    ("rcpt", 504, "5.5.2", "<localhost>: Helo command rejected: need fully-qualified hostname", Kind.CONFIG),
    ("rcpt", 550, "5.1.8", "<x@y.example>: Sender address rejected: Domain not found", Kind.CONFIG),
    ("rcpt", 553, "5.7.1", "<x@y.example>: Sender address rejected: not owned by user leads", Kind.CONFIG),
    ("rcpt", 554, "5.7.1", "<unknown[192.0.2.1]>: Client host rejected: Access denied", Kind.CONFIG),
    ("rcpt", 450, "4.1.8", "<x@y.example>: Sender address rejected: Domain not found", Kind.TEMPORARY),
    ("dot", 550, "5.1.90", "you've reached your daily limit for message recipients", Kind.TRANSPORT),
    ("rcpt", 550, "5.7.232", "your trial tenant has exceeded its daily limit", Kind.TRANSPORT),
    ("dot", 550, "5.7.1", "an unusual rate of unsolicited mail", Kind.TRANSPORT),
    ("rcpt", 550, "5.7.1", "rate limit: come back later", Kind.TRANSPORT),
    ("rcpt", 550, "5.7.1", "rejected by policy", Kind.PERMANENT),
    ("data", 554, "5.5.1", "no valid recipients", Kind.PERMANENT),
    ("data", 451, "4.3.0", "try later", Kind.TEMPORARY),
    ("dot", 554, "5.6.0", "content rejected", Kind.PERMANENT),
    ("dot", 552, "5.3.4", "message size limit exceeded", Kind.PERMANENT),
    ("dot", 554, "5.7.60", "client does not have permission to send as this sender", Kind.CONFIG),
    ("dot", 554, "5.2.252", "SendAsDenied", Kind.CONFIG),
    ("dot", 554, "5.2.0", "Submission.Exception:SubmissionQuotaExceededException", Kind.TRANSPORT),
    ("dot", 550, None, "you have sent too many messages", Kind.TRANSPORT),
    ("dot", 451, "4.3.0", "try later", Kind.TEMPORARY),
    ("dot", 421, None, "shutting down", Kind.TRANSPORT),
    ("dot", None, None, "", Kind.UNKNOWN),
    ("body", None, None, "", Kind.TRANSPORT),
    ("greeting", 554, None, "go away", Kind.CONFIG),
    ("greeting", 450, None, "busy", Kind.TRANSPORT),
    ("ehlo", 550, None, "need a name", Kind.CONFIG),
    ("ehlo", 451, None, "busy", Kind.TRANSPORT),
    ("starttls", 454, "4.7.0", "TLS not available", Kind.TRANSPORT),
    ("starttls", 501, None, "syntax", Kind.CONFIG),
    ("auth", 535, "5.7.8", "bad credentials", Kind.CONFIG),
    ("auth", 550, "5.7.30", "basic authentication is not supported", Kind.CONFIG),
    ("auth", 454, "4.7.0", "too many login attempts", Kind.TRANSPORT),
    ("mail", 553, "5.1.8", "sender refused", Kind.CONFIG),
    ("mail", 501, None, "syntax", Kind.CONFIG),
    ("mail", 552, "5.3.4", "message too big", Kind.PERMANENT),
    ("mail", 451, "4.4.2", "timeout waiting for data from client", Kind.TRANSPORT),
    ("mail", 450, None, "busy", Kind.TEMPORARY),
    ("connect", None, None, "", Kind.TRANSPORT),
    ("rcpt", 550, "4.4.2", "classes disagree", Kind.PERMANENT),
    ("data", 250, None, "out of step", Kind.TRANSPORT),
]


@pytest.mark.parametrize(("stage", "code", "enhanced", "text", "kind"), REPLIES)
def test_each_reply_means_one_kind(stage, code, enhanced, text, kind):
    assert classify(stage, code, enhanced, text) is kind


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("code", [None, 100, 199, 250, 354, 400, 499, 500, 599, 600])
def test_no_reply_is_left_unsorted(stage, code):
    assert classify(stage, code, None, "") in Kind


def test_a_permanent_refusal_is_what_the_queue_calls_a_permanent_failure():
    error = refused(Stage.RCPT, code=550, enhanced="5.1.1", reply="550 5.1.1 no such mailbox")

    assert isinstance(error, PermanentFailure)
    assert isinstance(error, MailError)
    assert str(error) == "RCPT refused: 550 5.1.1 no such mailbox (permanent)"
    assert (error.stage, error.code, error.enhanced) == ("rcpt", 550, "5.1.1")


def test_any_other_error_lets_the_queue_try_again():
    error = failed(Stage.CONNECT, "mail.example.com:587: Connection refused")

    assert type(error) is DeliveryError
    assert not isinstance(error, PermanentDeliveryError)
    assert str(error) == "connect failed: mail.example.com:587: Connection refused (transport)"


def test_the_servers_words_are_made_harmless_and_cut():
    error = refused(Stage.DOT, code=554, enhanced=None, reply="554 \x1b[2Jno\r\n" + "x" * 9000)

    assert error.reply.startswith("554 [2Jno xxx")
    assert len(error.reply) == 500
    assert "\x1b" not in str(error)
