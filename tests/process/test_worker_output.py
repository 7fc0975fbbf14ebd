"""What a worker prints."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from tests.homes import Home
from tests.process.signs import notes, own_job

pytestmark = pytest.mark.sqlite_only("about what is printed, whatever the store")

KEYS = [
    "level", "id", "uuid", "connection", "queue", "job", "status", "result", "attempts", "exception", "message",
    "duration", "timestamp",
]  # fmt: skip


def on_a_terminal(home: Home, *arguments: object) -> str:
    """Runs a command on a terminal of its own and returns what it shows there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "leadq", *[str(argument) for argument in arguments]],
        cwd=home.path,
        env={**os.environ, **home.environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # Linux's way to say that the other end is closed
        pass
    finally:
        os.close(ours)
        code = process.wait(timeout=10)
    assert code == 0
    return shown.decode("utf-8")


def test_running_then_done_or_fail_as_artisan_prints_it(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="fine"))
    jobs_home.insert_job(own_job("Flaky", failures=9))
    worked = jobs_home.run("work", "--tries", 2, "--backoff", 0, "--stop-when-empty")
    assert worked.stderr == ""
    at, took = r"  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"\d+\.\d\dms"
    expected = [
        rf"{at} Note \.+ RUNNING",
        rf"{at} Note \.+ {took} DONE",
        rf"{at} Flaky \.+ RUNNING",
        rf"{at} Flaky \.+ {took} FAIL",
        rf"{at} Flaky \.+ RUNNING",
        rf"{at} Flaky \.+ {took} FAIL",
    ]
    for line, pattern in zip(worked.stdout.splitlines(), expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_on_a_terminal_done_is_green_fail_yellow_while_tries_are_left_and_red_at_the_end(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="fine"))
    jobs_home.insert_job(own_job("Flaky", failures=9))
    shown = on_a_terminal(jobs_home, "work", "--tries", 2, "--backoff", 0, "--stop-when-empty")
    assert re.findall(r"\x1b\[(\d+)m(RUNNING|DONE|FAIL)\x1b\[0m", shown) == [
        ("33", "RUNNING"), ("32", "DONE"), ("33", "RUNNING"), ("33", "FAIL"), ("33", "RUNNING"), ("31", "FAIL"),
    ]  # fmt: skip
    assert "INFO  Processing jobs from the [default] queue." in shown


def test_no_color_on_a_terminal_and_forced_colour_in_a_pipe(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="one"))
    jobs_home.insert_job(own_job("Note", text="two"))
    jobs_home.environment["NO_COLOR"] = "1"
    assert "\x1b[" not in on_a_terminal(jobs_home, "work", "--once")
    del jobs_home.environment["NO_COLOR"]
    jobs_home.environment["FORCE_COLOR"] = "1"
    assert "\x1b[32mDONE\x1b[0m" in jobs_home.run("work", "--once").stdout


def test_json_is_one_object_a_line_with_artisans_keys(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="fine"), queue="high")
    job_id = jobs_home.insert_job(own_job("Flaky", failures=9))
    flags = ("--queue", "high,default", "--tries", 2, "--backoff", 0, "--stop-when-empty")
    worked = jobs_home.run("work", "--json", *flags)
    lines = [json.loads(line) for line in worked.stdout.splitlines()]
    assert [(line["status"], line.get("result"), line["attempts"]) for line in lines] == [
        ("starting", None, 1),
        ("success", "deleted", 1),
        ("starting", None, 1),
        ("released_after_exception", "released", 1),
        ("starting", None, 2),
        ("failed", "failed", 2),
    ]
    for line in lines:
        assert [key for key in KEYS if key in line] == list(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(\+00:00|Z)", line["timestamp"])
    last = lines[-1]
    assert (last["level"], last["id"], last["connection"], last["queue"], last["job"]) == (
        "warning",
        job_id,
        "database",
        "default",
        "Flaky",
    )
    assert (last["exception"], last["message"]) == ("RuntimeError", "not yet, at last")
    assert 0 <= last["duration"] < 5
    assert lines[0]["queue"] == "high"
    assert last["uuid"] == jobs_home.json("failed")["failed"][0]["uuid"]


def test_quiet_prints_nothing(jobs_home: Home) -> None:
    jobs_home.insert_job(own_job("Note", text="fine"))
    jobs_home.insert_job(own_job("Flaky", failures=9))
    worked = jobs_home.run("-q", "work", "--tries", 1, "--stop-when-empty")
    assert (worked.stdout, worked.stderr) == ("", "")
    assert notes(jobs_home) == ["fine", "attempt 1", "failed for good: RuntimeError"]


def test_verbose_tells_id_connection_and_queue(jobs_home: Home) -> None:
    job_id = jobs_home.insert_job(own_job("Note", text="fine"))
    assert f" Note {job_id} database default ..." in jobs_home.run("-v", "work", "--once").stdout


def test_names_from_a_payload_cannot_reach_the_terminal_as_controls(jobs_home: Home) -> None:
    name = "\x1b[2J[red]x[/red]\nDONE\u202e"
    jobs_home.insert_job({**own_job("Note", text="fine"), "displayName": name})
    worked = jobs_home.run("work", "--stop-when-empty")
    assert len(worked.stdout.splitlines()) == 2
    assert "[red]x[/red]" in worked.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", worked.stdout)


def five_notes(home: Home) -> None:
    for number in range(5):
        home.insert_job(own_job("Note", text=str(number)))


def all_run_once(home: Home) -> None:
    """What the first worker has left is done by the next one."""
    home.run("work", "--tries", 1, "--stop-when-empty")
    assert sorted(notes(home)) == ["0", "1", "2", "3", "4"]
    assert home.count("jobs") == home.count("failed_jobs") == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_reading_on_loses_and_doubles_no_job(jobs_home: Home, form: str) -> None:
    five_notes(jobs_home)
    flags = ["--json"] if form == "json" else []
    worker = jobs_home.start("work", *flags, "--tries", 1, "--stop-when-empty")
    assert worker.stdout is not None
    assert worker.stderr is not None
    worker.stdout.readline()
    worker.stdout.close()  # as `| head -1` does
    assert worker.wait(timeout=20) in {0, 1}
    complaint = worker.stderr.read()
    worker.stderr.close()
    jobs_home.processes.remove(worker)
    assert complaint == ""
    all_run_once(jobs_home)


@pytest.mark.parametrize("stdout", ["/dev/full", "&-"])
def test_a_full_or_closed_stdout_loses_and_doubles_no_job(jobs_home: Home, stdout: str) -> None:
    five_notes(jobs_home)
    with jobs_home.entered():
        command = f"'{sys.executable}' -m leadq work --tries 1 --stop-when-empty >{stdout}"
        ended = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, encoding="utf-8", timeout=20, check=False)
    assert "Traceback" not in ended.stderr
    assert "bug" not in ended.stderr
    all_run_once(jobs_home)
