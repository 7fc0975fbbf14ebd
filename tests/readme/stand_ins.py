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
from tests.readme.blocks import Block

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
        folder: an empty one. Its `srv` and `opt` stand for /srv and /opt.
        settings: what is typed where an editor is started: the lines of an `.env`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.home = folder / "srv" / "leadq"
        self.installed = folder / "opt" / "leadq"
        self._folder = folder
        self._programs = folder / "bin"
        for made in (self.home.parent, self.installed.parent, self._programs):
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

    def run(self, block: Block, *, environment: Mapping[str, str] | None = None) -> Result:
        """Runs a block from its first line to the last one; every command must succeed."""
        group = grp.getgrgid(os.getegid()).gr_name
        text = block.text.replace("/srv/leadq", str(self.home)).replace("/opt/leadq", str(self.installed))
        text = text.replace("-g www-data", f"-g {group}").replace("www-data", getpass.getuser())
        path = os.pathsep.join((str(self._programs), str(PROGRAMS), os.environ["PATH"]))
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=self._folder,
            env={**os.environ, **(environment or {}), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS * 10,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return Result(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def smtp_settings(port: int) -> dict[str, object]:
    """Those of a mail server on this machine."""
    return {
        "MAIL_MAILER": "smtp",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": port,
        "MAIL_FROM_ADDRESS": "leads@acme.example",
    }
