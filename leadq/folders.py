"""Making folders, whatever the umask is: what lies in them is about people."""

from __future__ import annotations

from pathlib import Path

FOR_GROUP = 0o750  # the group may read
FOR_ALL = 0o755


def make_folder(path: Path, *, mode: int = FOR_GROUP) -> None:
    """Makes `path` and what is missing above it; a folder that is there already stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if not path.is_dir():
        make_folder(path.parent, mode=mode)
        path.mkdir(mode=mode, exist_ok=True)
