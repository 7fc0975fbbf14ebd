"""The rows that could not be imported, in a file that can be mended and imported again."""

from __future__ import annotations

import csv
import fcntl
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from leadq.errors import LeadqError
from leadq.lead_import.names import MARKS
from leadq.lead_import.source import Source

FILE_MODE = 0o600  # addresses and names of strangers
FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A row that was not imported: where its first line is, why, and its values as they were."""

    line: int
    reason: str
    fields: Sequence[str]


def rejects_path(path: Path) -> Path:
    """Where the rejects of `path` go: `leads.csv` → `leads.rejects.csv`."""
    stem = path.stem if path.suffix.lower() == ".csv" else path.name
    return path.with_name(f"{stem}.rejects.csv")


class RejectsFile:
    """Made with the first reject. An earlier file of rejects is replaced, and nothing else ever is.

    Args:
        places: where it may be, the best place first; the next one is taken where a file of another kind is in the way
            or the folder cannot be written.
        columns: the names of the columns that the rows have.
        source: what they come from. The delimiter is the same; a source that isn't plain UTF-8 came from a spreadsheet,
            which knows UTF-8 by a byte order mark alone.
    """

    def __init__(self, places: Sequence[Path], columns: Sequence[str], source: Source) -> None:
        self.path: Path | None = None
        self._places = places
        self._columns = columns
        self._delimiter = source.delimiter
        self._codec = "utf-8" if source.encoding.codec == "utf-8" else "utf-8-sig"
        self._file: TextIO | None = None
        self._writer: Any = None

    def add(self, rejects: Sequence[Reject]) -> None:
        """Writes rejects, and has the system know them.

        Raises:
            LeadqError: there is no place for it, or the disk is full.
        """
        if not rejects:
            return
        try:
            if self._file is None:
                self._file = self._open()
            self._writer.writerows([reject.line, reject.reason, *reject.fields] for reject in rejects)
            self._file.flush()
        except OSError as error:
            raise LeadqError(f"the rejected rows cannot be written to {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Closes it, where it was made."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> TextIO:
        refusals = []
        for path in self._places:
            try:
                file = _opened(path, self._codec)
            except OSError as error:
                refusals.append(f"{path}: {error.strerror}")
                continue
            self.path = path
            self._writer = csv.writer(file, delimiter=self._delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
            self._writer.writerow([*MARKS, *self._columns])
            return file
        raise LeadqError(
            f"there is no place for the rejected rows ({'; '.join(refusals)})",
            hint="Move away what is there, or give leadq the right to write there.",
        )


class FirstRejects:
    """Keeps the first rejects, `most` of them, and writes nothing."""

    def __init__(self, most: int) -> None:
        self.first: list[Reject] = []
        self._most = most

    def add(self, rejects: Sequence[Reject]) -> None:
        """Takes the rejects of a chunk."""
        self.first += rejects[: self._most - len(self.first)]


def _opened(path: Path, codec: str) -> TextIO:
    """Opens and empties a file that is new, empty, or an earlier one of rejects. Raises OSError on any other."""
    descriptor = os.open(path, FLAGS, FILE_MODE)
    try:
        found = os.fstat(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # another import may be writing it just now
        # one that has another name, too, might be anybody's
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not _is_ours(descriptor):
            raise FileExistsError(0, "something else is there")
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.fchmod(descriptor, FILE_MODE)
        return open(descriptor, "w", encoding=codec, newline="")
    except BaseException:
        os.close(descriptor)
        raise


def is_rejects_file(path: Path) -> bool:
    """Whether an earlier run has left a file of rejects at `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.fstat(descriptor).st_size > 0 and _is_ours(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    """Whether a file is empty or begins as one of rejects does, whichever program has saved it since."""
    start = os.pread(descriptor, 64, 0).decode("utf-8-sig", "replace").replace('"', "")
    first, second = MARKS
    return not start or (start.startswith(first) and start[len(first) + 1 :].startswith(second))
