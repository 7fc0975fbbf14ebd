"""Commands of two people at the same time, and those that run a job themselves."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from tests.homes import Home
from tests.process.signs import create_lead
from tests.smtp_servers import MailServer

LEADS_A_SHELL = 20

MANY_COMMANDS = """
import sys
from leadq.cli import main

for number in range(int(sys.argv[1])):
    try:
        main([part.replace("NUMBER", str(number)) for part in sys.argv[2:]])
    except SystemExit as end:
        if end.code:
            raise
"""


def start_many(home: Home, times: int, *arguments: object) -> subprocess.Popen[str]:
    """A command again and again in one process, and so as close together as can be."""
    return home.spawn([sys.executable, "-c", MANY_COMMANDS, str(times), *map(str, arguments)])


def succeed(home: Home, *shells: subprocess.Popen[str]) -> None:
    for shell in shells:
        ended = home.ended(shell)
        assert (ended.exit_code, ended.stderr) == (0, ""), ended


@pytest.fixture
def two_users(staffed: Home) -> Home:
    staffed.leadq("user", "create", "--name", "Ben Sales", "--email", "ben@example.com")
    return staffed


def test_two_shells_that_create_leads_share_them_out_fairly(two_users: Home) -> None:
    create = ("-q", "lead", "create", "--name", "Lead NUMBER", "--email", "bo@example.com")
    succeed(two_users, *[start_many(two_users, LEADS_A_SHELL, *create) for _ in range(2)])
    owners = [user for (user,) in two_users.sql("SELECT user_id FROM leads ORDER BY id")]
    assert len(owners) == 2 * LEADS_A_SHELL
    assert Counter(owners) == {1: LEADS_A_SHELL, 2: LEADS_A_SHELL}
    assert owners == [1, 2] * LEADS_A_SHELL  # in turn, one after the other
    assert two_users.count("jobs") == two_users.count("deliveries") == 2 * LEADS_A_SHELL
    assert "ERROR" not in two_users.log


def test_two_shells_that_assign_a_lead_leave_one_notification_waiting(two_users: Home) -> None:
    lead_id = create_lead(two_users, "Bo", "--user", 1)["lead"]["id"]
    for _ in range(5):
        succeed(two_users, *[two_users.start("-q", "lead", "assign", lead_id, user) for user in (1, 2)])
        ((owner,),) = two_users.sql("SELECT user_id FROM leads")
        assert two_users.sql("SELECT user_id FROM deliveries WHERE status = 'queued'") == [(owner,)]
        assert two_users.count("jobs") == 1
    two_users.run("work", "--stop-when-empty")
    assert len(two_users.mails) == 1
    assert two_users.sql("SELECT user_id, COUNT(*) FROM deliveries WHERE status = 'sent'") == [(owner, 1)]


def test_two_shells_that_assign_a_lead_to_the_same_user_tell_them_once(two_users: Home) -> None:
    lead_id = create_lead(two_users, "Bo", "--user", 1)["lead"]["id"]
    succeed(two_users, *[two_users.start("-q", "lead", "assign", lead_id, 2) for _ in range(3)])
    assert two_users.sql("SELECT status, user_id FROM deliveries ORDER BY id") == [("dropped", 1), ("queued", 2)]
    assert two_users.count("jobs") == 1


def test_a_lead_assigned_while_a_worker_sends_is_told_to_its_owner(two_users: Home) -> None:
    for number in range(10):
        create_lead(two_users, f"Lead {number}", "--user", 1)
    shells = [start_many(two_users, 1, "-q", "lead", "assign", lead_id, 2) for lead_id in (1, 5, 10)]
    workers = [two_users.start("-q", "work", "--stop-when-empty") for _ in range(2)]
    succeed(two_users, *shells, *workers)
    two_users.run("work", "--stop-when-empty")
    told = two_users.sql("SELECT lead_id FROM deliveries WHERE user_id = 2 AND status = 'sent' ORDER BY lead_id")
    assert told == [(1,), (5,), (10,)]
    assert two_users.sql("SELECT COUNT(*) FROM deliveries WHERE status IN ('queued', 'failed')") == [(0,)]
    assert two_users.count("jobs") == two_users.count("failed_jobs") == 0


def test_a_sync_queue_sends_within_the_command(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["QUEUE_CONNECTION"] = "sync"
    mailing.run("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    (mail,) = mail_server.accepted
    assert mail.recipients == ("ana@example.com",)
    assert mailing.sql("SELECT status, attempts FROM deliveries") == [("sent", 1)]
    assert [mailing.count(table) for table in ("jobs", "failed_jobs", "workers")] == [0, 0, 0]
