"""A worker whose terminal is closed, and one that was started to outlive its terminal."""

from __future__ import annotations

import os
import signal
import sys

import pexpect
import pytest

from tests.homes import PATIENCE_SECONDS, Home, eventually, heed_hangups
from tests.process.signs import let_go, notes, own_job, until_held, until_it_beats

pytestmark = pytest.mark.sqlite_only("about signals, whatever the store")


def test_it_ends_its_job_and_stops_when_its_terminal_is_closed(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="current"))
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "leadq", "work"],
        cwd=str(jobs_home.path),
        env={**os.environ, **jobs_home.environment},
        timeout=PATIENCE_SECONDS,
        preexec_fn=heed_hangups,
    )
    try:
        until_held(jobs_home, "current")
        jobs_home.insert_job(own_job("Note", text="next"))
        terminal.ptyproc.fileobj.close()  # the kernel sends SIGHUP to what runs in the foreground
        until_it_beats(jobs_home, "current")
        let_go(jobs_home, "current")
        assert terminal.wait() == 0
    finally:
        let_go(jobs_home, "current")
        terminal.close(force=True)
    assert notes(jobs_home) == ["current"]
    assert jobs_home.sql("SELECT attempts, reserved_at FROM jobs") == [(0, None)]
    assert jobs_home.count("workers") == 0


def test_it_goes_on_when_it_was_started_with_nohup(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="current"))
    worker = jobs_home.spawn(["nohup", sys.executable, "-m", "leadq", "work"])
    until_held(jobs_home, "current")
    worker.send_signal(signal.SIGHUP)
    jobs_home.insert_job(own_job("Note", text="next"))
    until_it_beats(jobs_home, "current")
    let_go(jobs_home, "current")
    eventually(lambda: notes(jobs_home) == ["current", "next"])
    assert jobs_home.stop(worker).exit_code == 0
