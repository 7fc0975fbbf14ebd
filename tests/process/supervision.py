"""A real supervisord that runs the workers of supervisor/leadq-worker.conf."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.homes import Home, eventually

SAMPLES = Path(__file__).parents[2] / "supervisor"
LEADQ = Path(sys.executable).with_name("leadq")
SUPERVISOR_PATIENCE_SECONDS = 120

HEAD = """
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}

[unix_http_server]
file={folder}/s

[supervisorctl]
serverurl=unix://{folder}/s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


def sample(name: str, home: Path) -> str:
    """A file of supervisor/ for `home`, this installation and this user; nothing else of it is changed."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    text = text.replace("/opt/leadq/bin/leadq", str(LEADQ)).replace("www-data", getpass.getuser())
    return text.replace("/srv/leadq", str(home))


class Supervisor:
    """supervisord with the workers of one or several homes; a context manager.

    Args:
        home: whose environment it has.
        programs: the configuration of each program.

    Attributes:
        conf: its configuration, which supervisorctl reads, too.
    """

    def __init__(self, home: Home, *programs: str) -> None:
        self._home = home
        self._folder = Path(tempfile.mkdtemp(prefix="leadq-", dir="/tmp"))  # a socket's path must be short
        self.conf = self._folder / "supervisord.conf"
        self.conf.write_text("\n".join((HEAD.format(folder=self._folder), *programs)), encoding="utf-8")

    def __enter__(self) -> Supervisor:
        self._process = self._home.spawn([sys.executable, "-m", "supervisor.supervisord", "-c", str(self.conf)])
        eventually(lambda: self.states() or self._process.poll() is not None)
        assert self._process.poll() is None, self._process.communicate()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.terminate()  # it stops its programs first
            self._process.communicate(timeout=SUPERVISOR_PATIENCE_SECONDS)
        finally:
            shutil.rmtree(self._folder)

    def ctl(self, *arguments: str) -> str:
        """What supervisorctl prints. It waits until the programs have stopped or started."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.conf), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SUPERVISOR_PATIENCE_SECONDS, check=False)
        return done.stdout + done.stderr

    def states(self) -> Mapping[str, str]:
        """The state of each process by its name: RUNNING, STOPPED, BACKOFF, FATAL …"""
        words = [line.split() for line in self.ctl("status").splitlines()]
        return {name.partition(":")[2] or name: state for name, state, *_ in words if state.isupper()}

    def pid(self, process: str) -> int:
        """The pid of `GROUP:NAME`; 0 where it does not run."""
        answer = self.ctl("pid", process).strip()
        return int(answer) if answer.isdecimal() else 0
