"""Mails as log lines."""

from __future__ import annotations

import logging

from leadq.mail.log_transport import LogTransport
from tests.mail.samples import compose, soon


def test_a_mail_is_one_record_whose_text_is_indented(caplog):
    message = compose(lead_message="hello\n2026-01-01 ERROR forged")
    with caplog.at_level(logging.INFO, logger="leadq.mail"):
        receipt = LogTransport().send(message, deadline=soon())

    (record,) = caplog.records
    first, *text = record.getMessage().split("\n")
    assert first == f"mail to ben@example.org, subject 'New lead: Ana Lopez', message-id {message.message_id}"
    assert all(line.startswith("    ") for line in text)
    assert receipt.reply == "written to the log"
