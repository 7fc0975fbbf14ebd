"""Whatever is killed and whenever, each job is in exactly one place."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.homes import Home
from tests.process.signs import create_lead
from tests.smtp_servers import MailServer

LEADS = 30
KILLS = 8


@pytest.mark.parametrize("seed", [1, 2])
def test_each_notification_is_waiting_failed_or_sent(mailing: Home, mail_server: MailServer, seed: int) -> None:
    chance = random.Random(seed)
    mailing.leadq("user", "create", "--name", "Moody", "--email", "moody@example.com")
    mail_server.refuse("moody@example.com", "450 4.2.1 Not now", times=40)
    uuids = {create_lead(mailing, str(number))["job"]["uuid"] for number in range(LEADS)}
    for _ in range(KILLS):
        workers = [mailing.start("work", "--tries", 2, "--backoff", 0), mailing.start("retry", "all")]
        time.sleep(chance.uniform(0.25, 0.7))
        victim = chance.choice(workers)
        victim.kill()
        kill_and_wait(mailing, workers)
        assert_each_in_one_place(mailing, uuids)
    mailing.run("retry", "all")
    mailing.run("work", "--tries", 0, "--backoff", 0, "--stop-when-empty")
    assert mailing.count("jobs") == mailing.count("failed_jobs") == 0
    assert sent(mailing) == uuids
    arrived = {mail.message_id for mail in mail_server.accepted}
    assert arrived == {message_id for (message_id,) in mailing.sql("SELECT message_id FROM deliveries")}
    assert len(mail_server.accepted) <= LEADS + KILLS  # a kill costs one double at the most


def kill_and_wait(home: Home, processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.kill()
        home.ended(process)


def sent(home: Home) -> set[str]:
    return {uuid for (uuid,) in home.sql("SELECT uuid FROM deliveries WHERE status = 'sent'")}


def assert_each_in_one_place(home: Home, uuids: set[str]) -> None:
    waiting = [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs")]
    failed = [uuid for (uuid,) in home.sql("SELECT uuid FROM failed_jobs")]
    assert sorted([*waiting, *failed, *sent(home)]) == sorted(uuids)
