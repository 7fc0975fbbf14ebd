"""The files of a home: who may read and write them, room on the disk, the log."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from leadq.config import Settings
from leadq.doctor.check import Finding, Step, fail, ok, typed, warn
from leadq.doctor.settings import HomeSettings
from leadq.logs import log_file

SECRET_MODE = 0o077  # what group and others may do with a file
FEW_BYTES, TOO_FEW_BYTES = 500_000_000, 50_000_000
FEW_FILES = 1000


def files_steps(settings: HomeSettings) -> list[Step]:
    """The checks of the files."""
    return [
        Step(".env", lambda: _env_file(settings.home / ".env")),
        Step("storage", lambda: _writable(settings)),
        Step("owner", lambda: _owner(settings)),
        Step("disk", lambda: _disk(settings)),
        Step("log", lambda: _log(settings.require())),
    ]


def _env_file(path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ok("there is none")
    if mode & SECRET_MODE:
        remedy = f"Run: {typed('chmod', 600, path)}"
        return warn(f"others than its owner may use {path} (mode {mode & 0o777:o}), and it holds passwords", remedy)
    return ok(f"readable by its owner alone (mode {mode & 0o777:o})")


# --- who may write -------------------------------------------------------------------------------------


def _writable(settings: HomeSettings) -> Finding:
    """Whether this user may write; the database itself is asked elsewhere."""
    home = settings.home
    refused = [path for path in _what_is_written(settings) if not _may_write(path)]
    if not refused:
        return ok(f"{home / 'storage'} can be written by {_user_name(os.geteuid())}")
    return fail(
        f"{_user_name(os.geteuid())} cannot write {', '.join(map(str, refused))}",
        f"Run as another user, or: {typed('chown', '-R', _user_name(os.geteuid()), *refused)}",
    )


def _what_is_written(settings: HomeSettings) -> list[Path]:
    storage = settings.home / "storage"
    path = settings.database and settings.database.path
    # SQLite makes files beside the database
    return list(dict.fromkeys([storage, storage / "logs", storage / "mail", *([path.parent, path] if path else [])]))


def _may_write(path: Path) -> bool:
    """Whether it can be written, or made where it is not there."""
    if not path.exists():
        return path.parent == path or _may_write(path.parent)
    return os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def _owner(settings: HomeSettings) -> Finding:
    """A file that root has made cannot be written by the worker, nor the worker's by another user."""
    me = os.geteuid()
    others = [path for path in _what_belongs_together(settings) if path.stat().st_uid != me]
    if not others:
        return ok(f"everything belongs to {_user_name(me)}, who runs this")
    name = _user_name(others[0].stat().st_uid)
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return warn(
        f"{others[0]}{more} belongs to {name}, and you are {_user_name(me)}: what one of you makes the other may not "
        "be able to write",
        f"Run leadq as the user who runs its workers: {typed('sudo', '-u', name, 'leadq', 'doctor')}; or: "
        f"{typed('chown', '-R', 'USER', settings.home)}",
    )


def _what_belongs_together(settings: HomeSettings) -> Iterator[Path]:
    storage = settings.home / "storage"
    path = settings.database and settings.database.path
    database = [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")] if path else []
    logs = sorted((storage / "logs").glob("*.log"))
    candidates = [settings.home / ".env", *_what_is_written(settings), *database, *logs]
    return (one for one in dict.fromkeys(candidates) if one.exists())


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


# --- the disk ------------------------------------------------------------------------------------------


def _disk(settings: HomeSettings) -> Finding:
    findings = [
        room_on_disk(", ".join(names), free_bytes=found.f_bavail * found.f_frsize, free_files=_free_files(found))
        for names, found in _disks(settings)
    ]
    bad = sorted((one for one in findings if one.remedy), key=lambda one: one.status != "FAIL")
    return bad[0] if bad else ok("; ".join(one.detail for one in findings))


def _disks(settings: HomeSettings) -> list[tuple[list[str], os.statvfs_result]]:
    """Each disk once, with what is kept on it."""
    storage = settings.home / "storage"
    places = [("log", storage / "logs"), ("mail files", storage / "mail")]
    if settings.database and settings.database.path:
        places.insert(0, ("database", settings.database.path.parent))
    disks: dict[int, tuple[list[str], os.statvfs_result]] = {}
    for name, folder in places:
        there = _nearest(folder)
        names, _ = disks.setdefault(there.stat().st_dev, ([], os.statvfs(there)))
        names.append(name)
    return list(disks.values())


def room_on_disk(kept: str, *, free_bytes: int, free_files: int | None) -> Finding:
    """What to say of a disk.

    Args:
        kept: what is kept on it.
        free_bytes: how much room it has for this user.
        free_files: for how many more files; None where it has no limit.
    """
    room = f"{free_bytes / 1e9:,.1f} GB" if free_bytes >= 1e9 else f"{free_bytes / 1e6:,.1f} MB"
    where = f"{room} free for {kept}"
    remedy = "Free some space: leadq prune-failed and leadq prune-batches delete what is old; rotate the log."
    if free_bytes < TOO_FEW_BYTES:
        return fail(f"only {where}", remedy)
    if free_files is not None and free_files < FEW_FILES:
        return fail(
            f"the disk takes only {free_files} more files ({kept})", "Delete files on it: df -i shows how many."
        )
    return warn(f"only {where}", remedy) if free_bytes < FEW_BYTES else ok(where)


def _free_files(found: os.statvfs_result) -> int | None:
    return found.f_favail if found.f_files else None


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


# --- the log -------------------------------------------------------------------------------------------


def _log(settings: Settings) -> Finding:
    path = log_file(settings)
    if path is None:
        return ok("stderr")
    if path.parent.exists() and not path.parent.is_dir():
        return fail(f"{path.parent} is no folder", f"Move it away: {typed('mv', path.parent, f'{path.parent}.old')}")
    if path.is_dir() or not _may_write(path):
        name = _user_name(os.geteuid())
        return fail(
            f"{name} cannot write the log {path}", f"Run: {typed('chown', name, path)}, or set LOG_CHANNEL=stderr"
        )
    return ok(f"{path} ({settings.log.level})")
