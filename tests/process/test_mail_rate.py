"""MAIL_RATE keeps all workers of a database under a provider's limit."""

from __future__ import annotations

import time

from tests.homes import Home, eventually
from tests.process.signs import create_lead
from tests.smtp_servers import MailServer


def test_four_workers_together_keep_the_rate(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["MAIL_RATE"] = "10/s"
    for number in range(16):
        create_lead(mailing, f"Lead {number}")
    worker = mailing.start("work", "--processes", 4)
    mail_server.wait_for(1)
    began = time.monotonic()
    mail_server.wait_for(16, timeout=20)
    assert time.monotonic() - began > 1.4  # 15 more at ten a second
    eventually(lambda: mailing.count("jobs") == 0)
    assert mailing.stop(worker).exit_code == 0
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)] * 16


def test_a_mail_whose_turn_is_far_off_goes_back_and_spends_no_attempt(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["MAIL_RATE"] = "1/h"
    create_lead(mailing)
    create_lead(mailing, "Next")
    mailing.run("work", "--stop-when-empty")
    assert len(mail_server.accepted) == 1
    ((attempts, available_at, created_at),) = mailing.sql("SELECT attempts, available_at, created_at FROM jobs")
    assert attempts == 0
    assert 3500 < available_at - created_at <= 3610
