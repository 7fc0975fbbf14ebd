"""Making folders and files that the right people can use, whatever the umask is and whoever makes them.

What root makes in a home is given to whom the folder belongs: an admin's command must not leave a log behind that the
workers cannot write.
"""

from __future__ import annotations

import os
from pathlib import Path

FOR_GROUP = 0o750  # the group may read
FOR_ALL = 0o755
FILE_FOR_GROUP = 0o640


def make_folder(path: Path, *, mode: int = FOR_GROUP) -> None:
    """Makes `path` and what is missing above it; a folder that is there already stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent, mode=mode)
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        give_to_owner_of(path.parent, descriptor)
    finally:
        os.close(descriptor)


def open_for_group(path: str | Path, flags: int) -> int:
    """An opener for open(): a file that it makes can be written by its owner and read by the group.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, FILE_FOR_GROUP)
    except FileExistsError:
        return os.open(path, flags, FILE_FOR_GROUP)
    give_to_owner_of(Path(path).parent, descriptor)  # only what is new: anything else may be a link to anywhere
    return descriptor


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Gives an open file that has just been made in `folder` to whom that belongs, where root has made it."""
    if os.geteuid() == 0:
        found = folder.stat()
        os.fchown(descriptor, found.st_uid, found.st_gid)
