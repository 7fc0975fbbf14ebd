"""`Production`: the upgrade under a real supervisord, and completion in the shells themselves."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.test_completion import said, shell
from tests.homes import PATIENCE_SECONDS, Home, eventually
from tests.process.signs import create_leads
from tests.process.supervision import SUPERVISOR_PATIENCE_SECONDS, Supervisor, sample
from tests.readme.blocks import README, Block, claim, runs
from tests.readme.stand_ins import PROGRAMS, Machine
from tests.smtp_servers import MailServer

(COMPLETION,) = claim(section="Production", language="sh", lead_in="silent without a home")
BASH, ZSH, FISH = COMPLETION.text.splitlines()
PLACEHOLDER = "[program:other]\ncommand=/bin/sleep 1000"  # what runs there already
NAMED = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}


@runs(section="Production", language="sh", lead_in="**Upgrade**")
def test_workers_are_put_under_supervisor_and_upgraded_and_nothing_is_lost(
    block: Block, mailing: Home, mail_server: MailServer, tmp_path: Path
) -> None:
    machine, samples = Machine(tmp_path / "machine", {}), tmp_path / "samples"
    machine.home.symlink_to(mailing.path)
    machine.add_program("pip", f'#!/bin/sh\necho "$@" >> "{tmp_path}/pip"\n', into=machine.installed / "bin")
    samples.mkdir()
    config = sample("leadq-worker.conf", mailing.path).replace("startsecs=5", "startsecs=1")
    (samples / "leadq-worker.conf").write_text(config, encoding="utf-8")
    (put_there,) = re.findall(r"^\| supervisor \| `(.+?)` \|", README, re.MULTILINE)
    with Supervisor(mailing, f"[include]\nfiles={machine.supervised}/*.conf", PLACEHOLDER) as supervisor:
        control = f'"{sys.executable}" -m supervisor.supervisorctl -c "{supervisor.conf}"'
        machine.add_program("supervisorctl", f'#!/bin/sh\nexec {control} "$@"\n')
        machine.run(put_there, folder=samples)
        eventually(lambda: set(workers(supervisor).values()) == {"RUNNING"}, timeout=SUPERVISOR_PATIENCE_SECONDS)
        before = pids(supervisor)
        create_leads(mailing, 5)
        machine.run(block.text)
        eventually(lambda: not before & pids(supervisor), timeout=SUPERVISOR_PATIENCE_SECONDS)
        eventually(lambda: set(workers(supervisor).values()) == {"RUNNING"}, timeout=SUPERVISOR_PATIENCE_SECONDS)
        assert len(before) == len(pids(supervisor)) == 2
        create_leads(mailing, 5)
        mail_server.wait_for(10, timeout=PATIENCE_SECONDS)
    assert (tmp_path / "pip").read_text().split() == ["install", "--upgrade", "leadq"]
    assert len({mail.message_id for mail in mail_server.accepted}) == 10


def workers(supervisor: Supervisor) -> dict[str, str]:
    """The state of each worker."""
    return {name: state for name, state in supervisor.states().items() if name.startswith("leadq-worker")}


def pids(supervisor: Supervisor) -> set[int]:
    """Those of the workers."""
    return {supervisor.pid(f"leadq-worker:{name}") for name in workers(supervisor)}


@pytest.fixture
def queues(home: Home) -> Home:
    """A home with a job on a queue."""
    home.insert_job({"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}, queue="billing")
    return home


@pytest.mark.parametrize(("line", "name"), [(BASH, "bash"), (ZSH, "zsh"), (FISH, "fish")])
def test_each_line_names_the_file_that_its_shell_reads(line: str, name: str) -> None:
    assert f"_LEADQ_COMPLETE={name}_source" in line
    assert f"# in {NAMED[name]}" in line


def test_the_line_for_bash(queues: Home) -> None:
    asked = "COMP_WORDS=(leadq work --queue b) COMP_CWORD=3; _leadq_completion leadq; echo $COMPREPLY"
    eventually(lambda: said(queues, shell("bash"), "--norc", "-c", f"{BASH}\n{asked}") == ["billing"])


def test_the_line_for_fish(queues: Home) -> None:
    asked = "complete --do-complete 'leadq work --queue b'"
    eventually(lambda: said(queues, shell("fish"), "--no-config", "-c", f"{FISH}\n{asked}") == ["billing"])


def test_the_line_for_zsh(queues: Home) -> None:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    (queues.path / ".zshrc").write_text(f"autoload -Uz compinit; compinit -u -D\n{ZSH}\necho ready\n")
    child = pexpect.spawn(
        shell("zsh"),
        ["--no-global-rcs", "-i"],
        cwd=str(queues.path),
        env={**os.environ, **queues.environment, "PATH": path, "HOME": str(queues.path), "ZDOTDIR": str(queues.path)},
        timeout=PATIENCE_SECONDS,
    )
    try:
        child.expect_exact("ready")
        child.send("leadq work --queue b\t")
        child.expect_exact("illing")
    finally:
        child.close(force=True)
