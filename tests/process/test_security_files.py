"""Who may read what leadq writes, whatever the umask is."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home, Result, eventually
from tests.process.conftest import OWN_JOBS
from tests.process.signs import create_lead, idle_worker, own_job, until_held

pytestmark = pytest.mark.sqlite_only("about files")

NAME = "Bo Berg"
FOR_ALL = {".": 0o755, ".leadq": 0o644}  # that it is a home is no secret


class CarelessHome(Home):
    """One whose commands run under umask 000, as under many a daemon."""

    def spawn(self, command: list[str], **_: object) -> subprocess.Popen[str]:
        return super().spawn(command, preexec_fn=lambda: os.umask(0))

    def careless(self, *arguments: object) -> Result:
        return self.ended(self.start(*arguments))


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[CarelessHome]:
    folder = tmp_path / "not" / "there" / "yet"
    assert CarelessHome(tmp_path).careless("init", folder).exit_code == 0
    home = CarelessHome(folder)
    yield home
    home.close()


def modes(home: Path) -> dict[str, int]:
    """Each file and folder of a home with who may do what."""
    return {str(path.relative_to(home)): stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}


def test_others_may_read_nothing_and_the_group_may_write_nothing(careless: CarelessHome) -> None:
    home = careless
    (home.path / "own_jobs.py").write_text(OWN_JOBS.read_text(encoding="utf-8"))
    (home.path / "own_jobs.py").chmod(0o600)
    home.environment["LEADQ_JOBS"] = "own_jobs"
    home.careless("user", "create", "--name", "Ana", "--email", "ana@example.com")
    home.careless("lead", "create", "--name", NAME, "--email", "bo@example.com")
    (home.path / "leads.csv").write_text("name,email\nA,a@example.com\nB,not an address\n")
    (home.path / "leads.csv").chmod(0o600)
    assert home.careless("lead", "import", "leads.csv").exit_code == 1
    assert home.careless("work", "--stop-when-empty").exit_code == 0

    home.insert_job(own_job("Held", name="held"))
    worker = home.start("work")
    until_held(home, "held")
    os.kill(worker.pid, signal.SIGKILL)  # its database files, last words and claim stay behind
    home.ended(worker)
    for made_by_the_job in home.path.glob("held.*"):
        made_by_the_job.unlink()

    found = modes(home.path)
    made = [".env", "leads.rejects.csv", "storage/leadq.db", "storage/leadq.db-wal", "storage/leadq.db-shm"]
    made += ["storage/logs/leadq.log", "storage/mail", *[f"storage/mail/{mail.name}" for mail in home.mails]]
    made += [f"storage/workers/{file.name}" for file in (home.path / "storage" / "workers").iterdir()]
    assert set(made) <= set(found)
    assert len(home.mails) == 2
    assert "storage/workers/worker-2.txt" in made
    assert found.pop(".env") == found.pop("leads.rejects.csv") == 0o600
    found = {path: mode for path, mode in found.items() if "__pycache__" not in path and mode != 0o600}
    assert {path: mode for path, mode in found.items() if mode & 0o027} == FOR_ALL
    assert {stat.S_IMODE(parent.stat().st_mode) for parent in list(home.path.parents)[:2]} == {0o755}


@pytest.mark.parametrize("channel", ["single", "daily"])
def test_a_storage_folder_that_is_gone_is_made_anew_for_us_alone(careless: CarelessHome, channel: str) -> None:
    home = careless
    for path in sorted((home.path / "storage").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (home.path / "storage").rmdir()
    home.environment["LOG_CHANNEL"] = channel
    assert home.careless("migrate").exit_code == 0
    home.careless("user", "create", "--name", "Ana", "--email", "ana@example.com")
    home.careless("lead", "create", "--name", NAME, "--email", "bo@example.com")
    assert home.careless("work", "--once").exit_code == 0
    assert len(home.mails) == 1
    assert {path: mode for path, mode in modes(home.path).items() if mode & 0o027} == FOR_ALL


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has commands that belong to others")
def test_what_root_makes_in_a_home_belongs_to_whom_the_home_belongs(staffed: Home) -> None:
    storage = staffed.path / "storage"
    for path in sorted(storage.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    os.chown(storage, 12345, 12346)
    staffed.run("migrate")
    staffed.run("user", "create", "--name", "Ana", "--email", "ana@example.com")
    create_lead(staffed)
    worker = idle_worker(staffed)
    eventually(lambda: staffed.mails)
    owners = {path: (path.stat().st_uid, path.stat().st_gid) for path in storage.rglob("*")}
    assert {path.name for path in owners} >= {"leadq.db", "leadq.db-wal", "leadq.log", "logs", "mail", "workers"}
    assert set(owners.values()) == {(12345, 12346)}
    assert len(owners) >= 9  # the mail, the last words and the shared memory, too
    assert staffed.stop(worker).exit_code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could give anything away")
def test_root_gives_nothing_away_that_was_there_before(staffed: Home, tmp_path: Path) -> None:
    log, target = staffed.path / "storage" / "logs" / "leadq.log", tmp_path / "target"
    log.unlink(missing_ok=True)
    target.touch()
    log.symlink_to(target)
    os.chown(log.parent, 12345, 12346)
    create_lead(staffed)
    assert "Lead created" in target.read_text()
    assert target.stat().st_uid == 0


def test_a_mail_is_never_written_through_a_link(staffed: Home, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    uuid = create_lead(staffed)["job"]["uuid"]
    staffed.run("work", "--once")
    (mail,) = staffed.mails
    mail.unlink()
    mail.symlink_to(victim)
    staffed.sql("UPDATE deliveries SET status = 'queued', sent_at = NULL")
    staffed.insert_job({"uuid": uuid, "job": "SendLeadCreatedEmail", "data": {"lead_id": 1}})
    staffed.run("work", "--once")
    assert staffed.mails == [mail]
    assert not mail.is_symlink()
    assert victim.read_text() == "mine"


def test_a_row_cannot_name_where_its_mail_goes(staffed: Home, tmp_path: Path) -> None:
    create_lead(staffed)
    staffed.leadq("clear")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    for uuid in ("../../escaped", f"{tmp_path}/escaped", "..", "a/b", "\x00", "%2e%2e%2fescaped", "é" * 40):
        staffed.insert_job({"uuid": uuid, "job": "SendLeadCreatedEmail", "data": {"lead_id": 1}})
    staffed.run("work", "--stop-when-empty", "--tries", 1)
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert staffed.mails
    assert {path.parent for path in new} <= {staffed.path / "storage" / name for name in ("", "mail", "logs")}


def test_a_row_cannot_name_code(staffed: Home) -> None:
    for name in ("os.system", "leadq.job.Job", "subprocess:run", "__import__('os')", "builtins.exec", 'O:8:"App\\Job"'):
        staffed.insert_job({"job": name, "data": {"command": "touch ran", "lead_id": 1}})
    staffed.insert_job('{"job": "SendLeadCreatedEmail", "data": {"lead_id": 1, "__class__": "os", "self": 1}}')
    staffed.insert_job("cposix\nsystem\n(S'touch ran'\ntR.")  # a pickle
    staffed.run("work", "--stop-when-empty")
    assert staffed.count("failed_jobs") == 8
    assert not (staffed.path / "ran").exists()


def test_a_module_beside_the_caller_is_not_imported_in_place_of_ours(staffed: Home, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("click", "peewee", "email", "json", "sitecustomize"):
        (folder / f"{name}.py").write_text("open('ran', 'w')\n")
    leadq = Path(sys.executable).with_name("leadq")
    subprocess.run([leadq, "--home", staffed.path, "work", "--once"], cwd=folder, check=True, capture_output=True)
    assert not (folder / "ran").exists()
