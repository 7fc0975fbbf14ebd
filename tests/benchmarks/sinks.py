"""The SMTP servers that mails go to, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time

from tests.benchmarks.bench import Bench, NotInstalled
from tests.benchmarks.late_sink import HOST
from tests.mariadb import free_port

PATIENCE_SECONDS = 30.0


class Sink:
    """A server of our own that tells when it has accepted a mail.

    Args:
        late: seconds that each reply takes.
    """

    def __init__(self, bench: Bench, *, late: float = 0) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.late_sink", str(late)]
        self._process = bench.start(command)
        self.port = int(self._line())

    def next_accepted(self) -> float:
        """Waits for a mail and returns the monotonic time at which it was accepted."""
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the SMTP server has ended"
        return line


def smtp_sink(bench: Bench) -> int:
    """Starts Postfix's smtp-sink and returns its port.

    Raises:
        NotInstalled: there is none.
    """
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise NotInstalled("smtp-sink, of Debian's postfix")
    port = free_port()  # smtp-sink cannot be asked which it was given
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = bench.start([program, *as_nobody, f"{HOST}:{port}", "100"])
    _wait_for(port, process)
    return port


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with socket.socket() as tried:
            if tried.connect_ex((HOST, port)) == 0:
                return
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until, "smtp-sink does not answer"
        time.sleep(0.01)
