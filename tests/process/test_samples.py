"""What stands in supervisor/ for systemd, cron and logrotate, tried with the real programs where they are installed."""

from __future__ import annotations

import getpass
import grp
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from leadq.logs import LOOK_SECONDS
from leadq.worker.last_words import GRACE_SECONDS
from leadq.worker.options import RetryPolicy
from tests.homes import Home, eventually
from tests.process.signs import create_leads, idle_worker
from tests.process.supervision import sample
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.sqlite_only("about the samples, whatever the store")

ROUNDS = 10


def program(name: str, package: str) -> str:
    """Where it is installed. Without it the test is skipped, but never unnoticed in CI."""
    found = shutil.which(name, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
    if found is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"{name} is not installed (on Debian: apt-get install {package})")
    return str(found)


def output_of(*command: object) -> str:
    """What a command says; it must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


# --- systemd ---------------------------------------------------------------------------------------


def test_systemd_accepts_the_unit_without_a_remark(home: Home, tmp_path: Path) -> None:
    unit = tmp_path / "leadq-worker@.service"
    unit.write_text(sample(unit.name, home.path), encoding="utf-8")
    assert output_of(program("systemd-analyze", "systemd"), "verify", "--man=no", tmp_path / unit.name) == ""


def test_a_worker_that_is_stopped_gets_as_long_as_a_job_may_take(home: Home) -> None:
    for name, key in (("leadq-worker@.service", "TimeoutStopSec"), ("leadq-worker.conf", "stopwaitsecs")):
        (wait,) = re.findall(rf"(?m)^{key}=(\d+)$", sample(name, home.path))
        assert int(wait) > RetryPolicy().timeout + GRACE_SECONDS


# --- cron ------------------------------------------------------------------------------------------


def commands(crontab: str) -> list[str]:
    """The commands of a crontab, those that are commented out included."""
    return [match[1] for match in re.finditer(r"^#?(?:[\d*/]+ ){4}[\d*/]+ +(\S.*)$", crontab, re.M)]


def test_each_command_of_the_crontab_runs_and_says_nothing_where_all_is_well(
    mailing: Home, mail_server: MailServer
) -> None:
    crontab = sample("leadq.crontab", mailing.path)
    for line in crontab.splitlines():
        if setting := re.match(r"^([A-Z_]+)=(.+)$", line):
            mailing.environment[setting[1]] = setting[2]
    create_leads(mailing, 3)
    assert len(commands(crontab)) == 7
    for command in commands(crontab):
        if "monitor" in command and "monitor" not in mailing.leadq("--help").stdout:
            continue
        ended = mailing.ended(mailing.spawn(["/bin/sh", "-c", command]))
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", ""), command
    assert len(mail_server.accepted) == 3


def test_runs_that_overlap_do_each_job_once(mailing: Home, mail_server: MailServer) -> None:
    create_leads(mailing, 2 * ROUNDS)
    for _ in range(ROUNDS):
        both = [mailing.start("work", "--once") for _ in range(2)]
        assert [mailing.ended(run).exit_code for run in both] == [0, 0]
    assert len(mail_server.accepted) == len({mail.message_id for mail in mail_server.accepted}) == 2 * ROUNDS
    assert mailing.count("jobs") == mailing.count("workers") == 0


# --- logrotate -------------------------------------------------------------------------------------


@pytest.fixture
def rotation(home: Home, tmp_path: Path) -> Path:
    """The sample for this home."""
    config = tmp_path / "leadq.logrotate"
    text = sample(config.name, home.path)
    user, group = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
    text = text.replace(f"{user} {user}", f"{user} {group}")
    if os.geteuid() != 0:
        text = re.sub(r"(?m)^    su .*\n", "", text)  # only root may become somebody
    config.write_text(text, encoding="utf-8")
    config.chmod(0o644)
    return config


def test_logrotate_accepts_the_sample(home: Home, rotation: Path, tmp_path: Path) -> None:
    told = output_of(program("logrotate", "logrotate"), "--debug", "--state", tmp_path / "state", rotation)
    assert str(home.path / "storage" / "logs" / "leadq.log") in told
    assert "error" not in told.lower()


def test_a_worker_goes_on_in_the_new_file_after_each_rotation(
    mailing: Home, rotation: Path, tmp_path: Path, mail_server: MailServer
) -> None:
    worker = idle_worker(mailing, "--sleep", 60)
    file = mailing.path / "storage" / "logs" / "leadq.log"
    for number in range(1, 4):
        output_of(program("logrotate", "logrotate"), "--force", "--state", tmp_path / "state", rotation)
        assert file.read_text() == ""
        time.sleep(LOOK_SECONDS)
        create_leads(mailing, 1)
        eventually(lambda: "Mail sent" in mailing.log)
        assert file.stat().st_mode & 0o777 == 0o640
        assert len(list(file.parent.glob("leadq.log.*"))) == number
    assert mailing.stop(worker).exit_code == 0
