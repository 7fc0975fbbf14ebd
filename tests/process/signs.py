"""What the jobs of own_jobs.py tell a test, and what it tells them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadq.leads import NewLead, Routing
from leadq.leads import create_lead as store_lead
from leadq.processes import start_ticks
from tests.homes import Home, eventually


def own_job(name: str, /, **data: object) -> Mapping[str, Any]:
    """A payload as another program writes it. Keys in capitals are the payload's own: TIMEOUT, MAXTRIES, BACKOFF."""
    own = {"TIMEOUT": "timeout", "MAXTRIES": "maxTries", "BACKOFF": "backoff"}
    payload: dict[str, Any] = {own[key]: data.pop(key) for key in list(data) if key in own}
    return {"job": name, "data": data, **payload}


def notes(home: Home) -> list[str]:
    """What jobs have noted, in order."""
    file = home.path / "notes.txt"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def until_held(home: Home, name: str) -> None:
    """Waits until the held job runs."""
    eventually((home.path / f"{name}.running").exists)


def until_it_beats(home: Home, name: str) -> None:
    """Waits until the held job has gone on for a moment: a signal sent before has been handled then."""
    file = home.path / f"{name}.running"
    before = file.stat().st_size
    eventually(lambda: file.stat().st_size >= before + 3)


def let_go(home: Home, name: str) -> None:
    """Lets a held job end."""
    (home.path / f"{name}.go").touch()


def idle_worker(home: Home, *flags: object) -> subprocess.Popen[str]:
    """Starts a worker and waits until it handles signals."""
    before = home.log.count("Worker started")
    worker = home.start("work", *flags)
    eventually(lambda: home.log.count("Worker started") > before)
    return worker


def create_lead(home: Home, name: str = "Bo", *options: object) -> dict[str, Any]:
    """A new lead and its job, as `lead create --json` prints them."""
    document: dict[str, Any] = home.json("lead", "create", "--name", name, "--email", "bo@example.com", *options)
    return document


def create_leads(home: Home, count: int) -> None:
    """Many leads at once."""
    with home.store() as store:
        for number in range(count):
            new = NewLead(name=f"Lead {number}", email="bo@example.com")
            store_lead(store, new, routing=Routing(default_queue="default"))


def make_due(home: Home) -> None:
    """Ends every delay at once, as if the time had passed."""
    home.sql("UPDATE jobs SET available_at = created_at WHERE reserved_at IS NULL")


def failed_job(home: Home) -> dict[str, Any]:
    """The one failed job there is, in full."""
    (listed,) = home.json("failed")["failed"]
    document: dict[str, Any] = home.json("failed", listed["uuid"])
    return document


def story(home: Home, lead_id: int) -> list[tuple[str, int | None]]:
    """The events of a lead and the attempts that they belong to."""
    return [(event["event"], event["attempt"]) for event in home.json("lead", "show", lead_id)["events"]]


def worker_pids(home: Home) -> list[int]:
    """The processes that are registered as workers."""
    return [pid for (pid,) in home.sql("SELECT pid FROM workers ORDER BY id")]


def is_running(pid: int) -> bool:
    """Whether a process runs: one that has ended and is not buried yet does not."""
    return start_ticks(pid) is not None


def processor_seconds(pid: int) -> float:
    """How much processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def changes_nothing_when_it_wakes(
    home: Home, sleeper: subprocess.Popen[str], other: subprocess.Popen[str], name: str
) -> None:
    """The end of a stopped worker whose job NAME, which is held, has gone to another one."""
    let_go(home, name)
    eventually(lambda: home.count("jobs") == 0)
    assert notes(home) == [name]
    home.insert_job(own_job("Note", text="much later"), delay=3600)
    before = home.sql("SELECT * FROM jobs")
    sleeper.send_signal(signal.SIGCONT)
    eventually(lambda: "Job ended after another worker had taken it over; nothing was changed" in home.log)
    assert home.stop(sleeper).exit_code == home.stop(other).exit_code == 0
    assert home.sql("SELECT * FROM jobs") == before
    assert home.count("failed_jobs") == 0
