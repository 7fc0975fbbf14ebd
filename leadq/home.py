"""The home: the folder with `.env`, `storage/` and the marker file `.leadq`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from leadq.errors import HomeNotFound
from leadq.folders import FOR_ALL, give_to_owner_of, make_folder
from leadq.settings_keys import render_example

MARKER = ".leadq"


def find_home(option: str | None, environment: Mapping[str, str], start: Path) -> Path:
    """The home to work in: `--home`, else `LEADQ_HOME`, else the nearest marked folder at or above `start`.

    Raises:
        HomeNotFound: there is none, and the message says where it was looked for; or what was found is a stranger's.
    """
    for named, source in ((option, "--home"), (environment.get("LEADQ_HOME"), "LEADQ_HOME")):
        if named:
            home = Path(named).expanduser().absolute()
            if (home / MARKER).is_file():
                return home
            raise HomeNotFound(
                f"{source} says {home}, and there is no {MARKER} file in it",
                hint=f"Make it a home with: leadq init {home}",
            )
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file():
            _refuse_strangers(folder, start)
            return folder
    raise HomeNotFound(
        f"no home here: neither --home nor LEADQ_HOME is given, and {start} and the folders above it "
        f"have no {MARKER} file",
        hint="Go to the home, or make this folder one with: leadq init",
    )


def _refuse_strangers(home: Path, start: Path) -> None:
    """A home names programs and modules that are run: one that was laid out in /tmp must not be found by chance.

    Whose home it may be: our own, the system's, or that of whoever owns the folder that we are in.
    """
    owner = (home / MARKER).stat().st_uid
    if owner not in {os.geteuid(), 0, start.stat().st_uid}:
        raise HomeNotFound(
            f"{home} has a {MARKER} file that belongs to another account (uid {owner})",
            hint=f"If you trust it: leadq --home {home} …",
        )


def make_home(folder: Path) -> Path:
    """Makes `folder` a home, keeping whatever is there already.

    Raises:
        OSError: the folder cannot be made or written.
    """
    make_folder(folder, mode=FOR_ALL)
    for name in ("storage", "storage/logs", "storage/mail"):
        make_folder(folder / name)
    _create_once(folder / ".env", render_example(), mode=0o600)
    _create_once(folder / MARKER, "This folder is a home of leadq.\n", mode=0o644)
    return folder


def _create_once(path: Path, text: str, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return
    with open(descriptor, "w", encoding="utf-8") as file:
        give_to_owner_of(path.parent, descriptor)
        file.write(text)
