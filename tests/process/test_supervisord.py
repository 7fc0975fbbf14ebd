"""Workers under a real supervisord, started from the sample in supervisor/."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.process.signs import create_leads
from tests.process.supervision import Supervisor, sample
from tests.smtp_servers import MailServer

pytestmark = [pytest.mark.sqlite_only("supervisor knows no store"), pytest.mark.timeout(180)]

LEADS = 200
PATIENCE_SECONDS = 90
WORKERS = ("leadq-worker:leadq-worker_00", "leadq-worker:leadq-worker_01")


def test_two_workers_are_restarted_stopped_and_killed_and_every_mail_goes_out(
    mailing: Home, mail_server: MailServer
) -> None:
    mail_server.delay = 0.02
    create_leads(mailing, LEADS)

    def times_accepted() -> Counter[str]:
        return Counter(mail.message_id for mail in list(mail_server.accepted))

    def until_sent(count: int) -> None:
        eventually(lambda: len(times_accepted()) >= count, timeout=PATIENCE_SECONDS)

    with Supervisor(mailing, sample("leadq-worker.conf", mailing.path)) as supervisor:
        until_sent(30)
        assert len(set(map(supervisor.pid, WORKERS)) - {0}) == 2
        answer = supervisor.ctl("restart", "leadq-worker:*")
        assert answer.count("stopped") == answer.count("started") == 2, answer
        until_sent(90)

        supervisor.ctl("stop", "leadq-worker:*")
        assert set(supervisor.states().values()) == {"STOPPED"}
        assert mailing.sql("SELECT COUNT(*) FROM jobs WHERE reserved_at IS NOT NULL") == [(0,)]
        assert len(times_accepted()) + mailing.count("jobs") == LEADS
        assert set(times_accepted().values()) == {1}
        assert mailing.log.count('"reason": "interrupted"') == 4

        assert supervisor.ctl("start", "leadq-worker:*").count("started") == 2
        until_sent(130)
        killed = supervisor.pid(WORKERS[0])
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: supervisor.pid(WORKERS[0]) not in {0, killed})
        until_sent(LEADS)
        eventually(lambda: mailing.count("jobs") == 0)
    accepted = times_accepted()
    assert len(accepted) == LEADS
    assert accepted.total() <= LEADS + 1  # the one that was killed may have had a mail accepted and not recorded
    assert mailing.sql("SELECT status, COUNT(*) FROM deliveries GROUP BY status") == [("sent", LEADS)]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk for a storage folder, which has no room once it is filled."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _no_home(home: Path) -> None:
    (home / ".leadq").unlink()


def _no_env_file(home: Path) -> None:
    (home / ".env").unlink()


def _unreadable_env_file(home: Path) -> None:
    (home / ".env").chmod(0)


def _no_tables(home: Path) -> None:
    _sql(home, "DELETE FROM leadq_migration")


def _older_tables(home: Path) -> None:
    _sql(home, "UPDATE leadq_migration SET name = '0000_before'")


def _unwritable(home: Path) -> None:
    for path in (home / "storage").glob("leadq.db*"):
        path.chmod(0o400)
    (home / "storage").chmod(0o500)


def _sql(home: Path, statement: str) -> None:
    Home(home).sql(statement)


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no-home": (_no_home, "there is no .leadq file in it"),
    "no-env": (_no_env_file, "there is no {home}/.env, and MAIL_MAILER is not set"),
    "unreadable-env": (_unreadable_env_file, "cannot read {home}/.env: Permission denied"),
    "no-tables": (_no_tables, "the database has no tables of leadq"),
    "older-tables": (_older_tables, "the database is older than this program"),
    "unwritable": (_unwritable, "cannot be written"),
}


def test_what_keeps_a_worker_from_starting_is_one_line_in_its_log_and_a_fatal_state(
    staffed: Home, tmp_path: Path
) -> None:
    homes = {name: tmp_path / name for name in WRONG}
    programs = []
    for name, (break_it, _) in WRONG.items():
        shutil.copytree(staffed.path, homes[name])
        break_it(homes[name])
        programs.append(_program(name, homes[name]))
    with Supervisor(staffed, *programs) as supervisor:
        eventually(lambda: set(supervisor.states().values()) == {"FATAL"}, timeout=PATIENCE_SECONDS)
    for name, (_, words) in WRONG.items():
        for number in range(2):
            log = (homes[name] / "storage" / "logs" / f"worker_{number:02d}.log").read_text()
            _is_told_each_time(log, words.format(home=homes[name]))
    (homes["unwritable"] / "storage").chmod(0o700)


def test_a_full_disk_is_told_and_a_fatal_state(staffed: Home, full_disk: Path) -> None:
    shutil.move(staffed.path / "storage" / "leadq.db", full_disk / "leadq.db")
    staffed.environment["DB_DATABASE"] = str(full_disk / "leadq.db")
    with contextlib.suppress(OSError), (full_disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with Supervisor(staffed, _program("full", staffed.path)) as supervisor:
        eventually(lambda: set(supervisor.states().values()) == {"FATAL"}, timeout=PATIENCE_SECONDS)
    _is_told_each_time((staffed.path / "storage" / "logs" / "worker_00.log").read_text(), "Error: the disk ")


def _program(name: str, home: Path) -> str:
    """The sample, which gives up after the first repetition, for a worker that heeds file permissions as root, too."""
    text = sample("leadq-worker.conf", home).replace("[program:leadq-worker]", f"[program:{name}]")
    text, replaced = re.subn("startretries=.*", "startretries=1", text)
    assert replaced == 1
    if os.geteuid() == 0:
        powers = "-dac_override,-dac_read_search"
        text = text.replace("command=", f"command=setpriv --bounding-set={powers} --inh-caps={powers} ")
    return text


def _is_told_each_time(log: str, words: str) -> None:
    told = [line for line in log.splitlines() if line.startswith("Error: ")]
    assert len(told) == 2, log
    assert all(words in line for line in told), log
    assert all(line.startswith("Error: ") or line.startswith("  ") for line in log.splitlines()), log
