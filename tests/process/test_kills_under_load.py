"""Four workers are killed at random and started again, all through some hundred mails."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_leads
from tests.smtp_servers import MailServer

LEADS = 500
WORKERS = 4
SEED = 7


@pytest.mark.timeout(150)
def test_every_mail_is_accepted_and_every_repeat_has_a_kill_to_explain_it(
    mailing: Home, mail_server: MailServer
) -> None:
    create_leads(mailing, LEADS)
    mail_server.delay = 0.02  # so that many a kill strikes between the server's acceptance and the record of it
    kills = kill_until_done(mailing, mail_server, random.Random(SEED))
    accepted = Counter(mail.message_id for mail in mail_server.accepted)
    repeats = sum(accepted.values()) - len(accepted)
    print(f"{kills} kills, {sum(accepted.values())} mails, {repeats} repeats")
    assert set(accepted) == {message_id for (message_id,) in mailing.sql("SELECT message_id FROM deliveries")}
    assert len(accepted) == LEADS
    assert mailing.sql("SELECT status, COUNT(*) FROM deliveries GROUP BY status") == [("sent", LEADS)]
    assert mailing.count("jobs") == mailing.count("failed_jobs") == 0
    assert kills >= WORKERS
    assert repeats <= kills  # a worker has one mail at a time: more would be doubles that no kill explains
    assert len({mail.wire for mail in mail_server.accepted}) == LEADS  # and each repeat is the same mail, byte for byte
    abandoned = mailing.sql("SELECT COUNT(*) FROM delivery_events WHERE event = 'abandoned'")[0][0]
    assert repeats <= abandoned <= kills


def kill_until_done(home: Home, mail_server: MailServer, chance: random.Random) -> int:
    """Runs workers until no job is left, killing one after every few mails; how many were killed."""
    workers = [start_worker(home) for _ in range(WORKERS)]
    kills = 0
    next_kill = chance.uniform(2, 8)
    while home.count("jobs"):
        eventually(lambda: len(mail_server.accepted) >= next_kill or not home.count("jobs"))  # noqa: B023
        time.sleep(chance.uniform(0, 0.05))
        place = chance.randrange(WORKERS)
        workers[place].kill()
        home.ended(workers[place])
        kills += 1
        workers[place] = start_worker(home)
        next_kill = len(mail_server.accepted) + chance.uniform(2, 8)
    for worker in workers:
        assert home.stop(worker).exit_code in {0, -signal.SIGTERM}  # one may have no handlers yet
    return kills


def start_worker(home: Home) -> subprocess.Popen[str]:
    return home.start("-q", "work", "--tries", 0)
