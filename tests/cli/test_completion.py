"""Completion in the shell, as bash, zsh and fish ask for it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from leadq.cli import COMMANDS
from tests.homes import PATIENCE_SECONDS, Home, eventually

PROGRAMS = Path(sys.executable).parent


def completed(home: Home, line: str, *, exit_code: int = 0) -> list[str]:
    """What bash is offered for the last word of a line; nothing else may be said."""
    *words, _ = line.split(" ")
    home.environment |= {
        "_LEADQ_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    offered = home.run(exit_code=exit_code)
    assert offered.stderr == ""
    return [row.removeprefix("plain,") for row in offered.stdout.splitlines() if row]


def until_completed(home: Home, line: str, *expected: str) -> None:
    """The same, for names that a busy machine may not find in time."""
    eventually(lambda: completed(home, line) == list(expected))


@pytest.fixture
def queues(home: Home) -> Home:
    """A home with jobs on four queues, and names that nobody could type."""
    payload = {"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}
    for queue in ("high", "billing", "höger", "; rm -rf ~\n*", "$(reboot)"):
        home.insert_job(payload, queue=queue)
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " VALUES ('u', 'database', 'failing', '{}', 'x', 0)"
    )
    return home


def test_commands_and_their_options(home: Home) -> None:
    assert completed(home, "leadq ")[: len(COMMANDS)] == list(COMMANDS)
    assert completed(home, "leadq re") == [name for name in COMMANDS if name.startswith("re")]
    assert completed(home, "leadq lead cr") == ["create"]
    assert completed(home, "leadq work --sto") == ["--stop-when-empty"]
    assert completed(home, "leadq -v failed --json --q") == ["--queue"]
    assert completed(home, "leadq --v") == ["--verbose", "--version"]


@pytest.mark.parametrize("command", ["work", "failed --json", "retry all", "clear", "size", "jobs", "lead create"])
def test_names_of_queues(queues: Home, command: str) -> None:
    until_completed(queues, f"leadq {command} --queue h", "high", "höger")


def test_all_names_but_those_that_would_be_commands_to_the_shell(queues: Home) -> None:
    until_completed(queues, "leadq work --queue ", "billing", "default", "failing", "high", "höger")


def test_the_last_name_of_a_list(queues: Home) -> None:
    until_completed(queues, "leadq work --queue high,failing,b", "high,failing,billing")
    until_completed(queues, "leadq work --queue high,h", "high,höger")


def test_a_name_after_an_equals_sign_as_bash_splits_it(queues: Home) -> None:
    until_completed(queues, "leadq work --queue = bi", "billing")
    until_completed(queues, "leadq --home = . work --queue = bi", "billing")


def test_the_queues_of_a_home_that_is_named(queues: Home, tmp_path: Path) -> None:
    elsewhere = Home(tmp_path)
    assert completed(elsewhere, "leadq work --queue ") == []
    until_completed(elsewhere, f"leadq --home {queues.path} work --queue b", "billing")


def test_without_a_database_the_default_queue_alone(queues: Home) -> None:
    (queues.path / "storage" / "leadq.db").unlink()
    queues.environment["DB_QUEUE"] = "leads"
    until_completed(queues, "leadq work --queue ", "leads")
    assert not (queues.path / "storage" / "leadq.db").exists()


def test_with_settings_that_are_wrong_it_is_silent(queues: Home) -> None:
    (queues.path / ".env").write_text("DB_PORT='unfinished\n")
    assert completed(queues, "leadq work --queue ") == []


@pytest.fixture
def mute_server() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_database_server_that_is_slow_holds_nobody_up(home: Home, mute_server: int) -> None:
    home.environment |= {"DB_CONNECTION": "mysql", "DB_DATABASE": "x", "DB_PORT": str(mute_server)}
    began = time.monotonic()
    assert completed(home, "leadq work --queue ") in ([], ["default"])
    assert time.monotonic() - began < 8  # the driver itself would wait for 10 s


def test_a_database_that_is_locked_holds_nobody_up(queues: Home) -> None:
    with closing(sqlite3.connect(queues.path / "storage" / "leadq.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = delete")
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert completed(queues, "leadq work --queue ") in ([], ["default"])
        assert time.monotonic() - began < 4.5  # a statement itself would wait for 5 s


@pytest.mark.parametrize("instruction", ["bash_nonsense", "csh_complete", "bash_complete", "x"])
def test_a_request_that_makes_no_sense_is_silent(home: Home, instruction: str) -> None:
    home.environment["_LEADQ_COMPLETE"] = instruction
    refused = home.run(exit_code=1)
    assert (refused.stdout, refused.stderr) == ("", "")


# --- the shells themselves -------------------------------------------------------------------------


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"{name} is not installed")
    return str(found)


def said(home: Home, *command: str) -> list[str]:
    """What a shell prints that finds leadq on its path."""
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **home.environment, "PATH": path, "HOME": str(home.path)}
    done = subprocess.run(command, env=environment, cwd=home.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_in_bash(queues: Home) -> None:
    script = """
        eval "$(_LEADQ_COMPLETE=bash_source leadq)"
        COMP_WORDS=(leadq work --queue high,b) COMP_CWORD=3
        _leadq_completion leadq
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    eventually(lambda: said(queues, shell("bash"), "--norc", "-c", script) == ["high,billing"])


def test_in_fish(queues: Home) -> None:
    script = "_LEADQ_COMPLETE=fish_source leadq | source; complete --do-complete 'leadq work --queue high,b'"
    eventually(lambda: said(queues, shell("fish"), "--no-config", "-c", script) == ["high,billing"])


def test_in_zsh(queues: Home) -> None:
    child = pexpect.spawn(
        shell("zsh"),
        ["-f", "-i"],
        cwd=str(queues.path),
        env={**os.environ, **queues.environment, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HOME": str(queues.path)},
        timeout=PATIENCE_SECONDS,
    )
    try:
        child.sendline(
            "autoload -Uz compinit; compinit -u -D; eval \"$(_LEADQ_COMPLETE=zsh_source leadq)\"; echo re''ady"
        )
        child.expect_exact("\nready")
        child.send("leadq work --queue high,b\t")
        child.expect_exact("illing")
    finally:
        child.close(force=True)
