"""A machine for the blocks in `sh`: the folders and the account that README.md names, and programs in their place."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.homes import PATIENCE_SECONDS, Result

PROGRAMS = Path(sys.executable).parent

SUDO = """#!/bin/sh
# runs what root would run as somebody else
[ "$1" = -u ] && shift 2
exec "$@"
"""

EDITOR = """#!/bin/sh
# types the settings that whoever edits it would type
cat "{settings}" >> "$1"
"""


class Machine:
    """A folder with all that a block of commands finds.

    Args:
        folder: an empty one, which holds what stands for /srv, /opt, /usr/local/bin and /etc/supervisor/conf.d.
        settings: what is typed where an editor is started: the lines of an `.env`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.home = folder / "srv" / "leadq"
        self.installed = folder / "opt" / "leadq"
        self._folder = folder
        self.supervised = folder / "etc" / "supervisor" / "conf.d"
        self._programs = folder / "usr" / "local" / "bin"
        for made in (self.home.parent, self.installed.parent, self.supervised, self._programs):
            made.mkdir(parents=True)
        typed = folder / "settings"
        typed.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
        self.add_program("sudo", SUDO)
        self.add_program("nano", EDITOR.format(settings=typed))

    def add_program(self, name: str, script: str, *, into: Path | None = None) -> None:
        """Puts a program on the path, or into a folder."""
        file = (into or self._programs) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script, encoding="utf-8")
        file.chmod(0o755)

    def run(self, commands: str, *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Result:
        """Runs commands from the first to the last one, each of which must succeed; in `folder`, if it is given."""
        group = grp.getgrgid(os.getegid()).gr_name
        stands_for = {
            "/srv/leadq": self.home,
            "/opt/leadq": self.installed,
            "/usr/local/bin": self._programs,
            "/etc/supervisor/conf.d": self.supervised,
            "-g www-data": f"-g {group}",
            "www-data": getpass.getuser(),
        }
        text = commands
        for name, here in stands_for.items():
            text = text.replace(name, str(here))
        path = os.pathsep.join((str(self._programs), str(PROGRAMS), os.environ["PATH"]))
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=folder or self._folder,
            env={**os.environ, **(environment or {}), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS * 10,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return Result(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def smtp_settings(port: int) -> dict[str, object]:
    """Those of a mail server on this machine."""
    return {
        "MAIL_MAILER": "smtp",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": port,
        "MAIL_FROM_ADDRESS": "leads@acme.example",
    }
