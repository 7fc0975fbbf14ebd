"""`monitor` beside real workers, and `monitor --watch` on real terminals."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest

from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.process.signs import let_go, own_job, until_held

ALTERNATE, ORDINARY = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_HIDDEN, CURSOR_SHOWN = b"\x1b[?25l", b"\x1b[?25h"

about_terminals = pytest.mark.sqlite_only("about terminals, whatever the store")


def monitor(home: Home) -> Any:
    return home.json("monitor", exit_code=None)


def sums(home: Home, columns: str) -> tuple[int, ...]:
    parts = ", ".join(f"COALESCE(SUM({column}), 0)" for column in columns.split())
    return tuple(int(number) for number in home.sql(f"SELECT {parts} FROM job_counts")[0])


class Watch:
    """`leadq monitor --watch` on a terminal."""

    def __init__(self, home: Home, *, rows: int = 24, columns: int = 80) -> None:
        environment = {**os.environ, **home.environment, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "leadq", "monitor", "--watch"],
            cwd=str(home.path),
            env=environment,
            dimensions=(rows, columns),
            timeout=PATIENCE_SECONDS,
        )
        self.raw = b""

    def see(self, text: str) -> None:
        """Waits until it is shown."""
        self.child.expect_exact(text.encode())
        self.raw += self.child.before + self.child.after

    def see_next_frame(self, text: str) -> None:
        """Waits until it is shown in a frame that is drawn after now."""
        self.see("\x1b[H")
        self.see(text)

    def end(self) -> int:
        """Waits for the end, and returns the exit code."""
        self.child.expect(pexpect.EOF)
        self.raw += self.child.before
        self.child.close()
        return int(self.child.exitstatus)

    @property
    def left_clean(self) -> bool:
        """Whether the terminal is as it was: the ordinary screen, with a cursor, and nothing on it."""
        before, _, within = self.raw.partition(ALTERNATE)
        _, ordinary, after = within.rpartition(ORDINARY)
        shown = self.raw.rfind(CURSOR_SHOWN) > self.raw.rfind(CURSOR_HIDDEN)
        rest = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", before + after).replace(b"^C", b"").strip()
        return bool(ordinary) and shown and rest == b""


@pytest.fixture
def watch(home: Home) -> Iterator[Watch]:
    watch = Watch(home)
    yield watch
    watch.child.close(force=True)


# --- the numbers --------------------------------------------------------------------------------------------------


def test_what_four_workers_have_done_adds_up(jobs_home: Home) -> None:
    for number in range(60):
        jobs_home.insert_job(own_job("Note", text=str(number)), queue="high" if number % 3 == 0 else "default")
    for _ in range(5):
        jobs_home.insert_job({"job": "Nonsense"})
    jobs_home.insert_job(own_job("Flaky", failures=1, BACKOFF=[0]))
    flags = ("--processes", 4, "--queue", "high,default", "--stop-when-empty")
    assert jobs_home.ended(jobs_home.start("work", *flags)).exit_code == 0
    assert sums(jobs_home, "done failed attempts") == (61, 5, 67)
    by_queue = jobs_home.sql("SELECT queue, SUM(done) FROM job_counts GROUP BY queue ORDER BY queue")
    assert [(queue, int(done)) for queue, done in by_queue] == [("default", 41), ("high", 20)]
    shown = {queue["queue"]: queue for queue in monitor(jobs_home)["queues"]}
    assert 66 / 6 <= shown["default"]["jobs_per_minute"] + shown["high"]["jobs_per_minute"] <= 66 / 5
    assert shown["high"]["mean_run_ms"] > 0
    assert shown["default"]["failed"] == 5


def test_a_workers_job_and_numbers_are_seen_while_it_works(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="first"))
    jobs_home.insert_job({"job": "Nonsense"})
    jobs_home.insert_job(own_job("Held", name="long"))
    worker = jobs_home.start("work", "--name", "night")
    until_held(jobs_home, "long")
    eventually(lambda: monitor(jobs_home)["workers"][0]["done"] == 1)  # with a beat, in the middle of the job
    (seen,) = monitor(jobs_home)["workers"]
    assert (seen["name"], seen["pid"], seen["state"], seen["failed"]) == ("night", worker.pid, "busy", 1)
    assert (seen["job"]["job"], seen["job"]["queue"]) == ("Held", "default")
    let_go(jobs_home, "long")
    eventually(lambda: monitor(jobs_home)["workers"][0]["state"] == "idle")
    eventually(lambda: monitor(jobs_home)["workers"][0]["done"] == 2)
    assert jobs_home.stop(worker).exit_code == 0
    assert sums(jobs_home, "done failed attempts") == (2, 1, 3)


def test_a_worker_that_a_signal_has_paused_is_seen_with_its_next_beat(jobs_home: Home) -> None:
    jobs_home.environment["DB_QUEUE_RETRY_AFTER"] = "3"  # and so a beat twice a second
    worker = jobs_home.start("work")
    eventually(lambda: [one["state"] for one in monitor(jobs_home)["workers"]] == ["idle"])
    worker.send_signal(signal.SIGUSR2)
    eventually(lambda: monitor(jobs_home)["workers"][0]["state"] == "paused")
    worker.send_signal(signal.SIGCONT)
    eventually(lambda: monitor(jobs_home)["workers"][0]["state"] == "idle")
    assert jobs_home.stop(worker).exit_code == 0


def test_a_worker_that_was_killed_is_gone(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Held", name="long"))
    worker = jobs_home.start("work")
    until_held(jobs_home, "long")
    jobs_home.stop(worker, signal.SIGKILL)
    (seen,) = monitor(jobs_home)["workers"]
    assert (seen["state"], seen["job"]["job"]) == ("gone", "Held")


def test_a_job_that_a_command_runs_itself_counts_too(mailing_jobs: Home) -> None:
    mailing_jobs.environment["QUEUE_CONNECTION"] = "sync"
    mailing_jobs.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert sums(mailing_jobs, "done failed attempts") == (1, 0, 1)


# --- --watch ------------------------------------------------------------------------------------------------------


@about_terminals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_shows_a_screen_of_its_own_and_leaves_the_terminal_as_it_was(
    home: Home, watch: Watch, number: signal.Signals
) -> None:
    watch.see("no worker is running")
    home.insert_job({"job": "x"}, queue="a-new-queue")
    watch.see("a-new-queue")
    if number == signal.SIGINT:
        watch.child.sendcontrol("c")
    else:
        watch.child.kill(number)
    assert watch.end() == 0
    assert ALTERNATE in watch.raw
    assert watch.left_clean


@about_terminals
def test_it_goes_on_trying_while_the_database_is_away(home: Home, watch: Watch) -> None:
    database = home.path / "storage" / "leadq.db"
    watch.see("no worker is running")
    database.rename(database.with_suffix(".away"))
    watch.see("Trying again.")
    database.with_suffix(".away").rename(database)
    home.insert_job({"job": "x"}, queue="back-again")
    watch.see("back-again")
    watch.child.sendcontrol("c")
    assert watch.end() == 0
    assert watch.left_clean


@about_terminals
@pytest.mark.parametrize(("rows", "columns"), [(24, 80), (24, 60), (6, 40), (50, 160)])
def test_a_frame_fits_the_terminal(home: Home, rows: int, columns: int) -> None:
    for number in range(40):
        home.insert_job({"job": "x"}, queue=f"queue-with-quite-a-long-name-{number:02}")
    watch = Watch(home, rows=rows, columns=columns)
    try:
        watch.see("\x1b[H")
        watch.see("\x1b[H")
        watch.see("\x1b[H")
        watch.child.sendcontrol("c")
        assert watch.end() == 0
    finally:
        watch.child.close(force=True)
    frame = watch.raw.split(b"\x1b[H")[-2]
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame.decode()).replace("\r", "").split("\n")
    assert len(plain) <= rows
    assert max(map(len, plain)) <= columns
    assert re.search(r"… \d+ more queues", frame.decode()) or rows in {6, 50}


@about_terminals
def test_what_is_wrong_from_the_start_is_an_error_on_the_ordinary_screen(home: Home) -> None:
    (home.path / "storage" / "leadq.db").unlink()
    watch = Watch(home)
    assert watch.end() == 1
    assert ALTERNATE not in watch.raw
    assert b"Error:" in watch.raw


@about_terminals
def test_in_a_pipe_frames_follow_each_other_as_plain_text(home: Home) -> None:
    process = home.start("monitor", "--watch")
    assert process.stdout is not None
    frames: list[list[str]] = [[]]
    while len(frames) < 3:
        line = process.stdout.readline()
        assert line
        if line.startswith("OK ") and " workers, " in line:
            frames.append([])
        frames[-1].append(line)
    result = home.stop(process)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\x1b" not in "".join(frames[1])
    assert frames[1][-1] == "\n"
    assert any(line.startswith("status  queue") for line in frames[1])


@about_terminals
def test_a_reader_that_has_gone_ends_it_without_a_complaint(home: Home) -> None:
    process = home.start("monitor", "--watch")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE_SECONDS) == 1
    assert process.stderr.read() == ""
