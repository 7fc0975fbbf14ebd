"""The file that leads come from: looked at whole before the first one is stored."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leadq.errors import InvalidInput
from leadq.lead_import.columns import recognised
from leadq.lead_import.encodings import Encoding, encoding_of
from leadq.lead_import.records import Record, read_records

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
SAVE_IT = "Save it to a file, and import that."


@dataclass(frozen=True, kw_only=True)
class Source:
    """An open file. `header` is its first record, `size` its bytes."""

    path: Path
    size: int
    encoding: Encoding
    delimiter: str
    header: list[str]
    file: BinaryIO

    @property
    def delimiter_name(self) -> str:
        """The delimiter in words."""
        return DELIMITERS.get(self.delimiter, self.delimiter)

    @property
    def position(self) -> int:
        """How many bytes of it have been read."""
        return self.file.tell()

    def records(self) -> Iterator[Record]:
        """Its records after the header.

        Raises:
            InvalidInput: somebody has written to the file meanwhile.
        """
        records = read_records(_lines(self.file, self.encoding), self.delimiter)
        next(records)
        try:
            yield from records
        except UnicodeDecodeError:
            raise InvalidInput(f"{self.path} was changed while it was read", hint="Import it again.") from None


@contextmanager
def opened(path: Path, *, delimiter: str | None = None) -> Iterator[Source]:
    """Opens a CSV file and finds out how it is written.

    Args:
        path: the file.
        delimiter: what is between its fields; found out where it is None.

    Raises:
        InvalidInput: it cannot be read, is no file, no text, or empty.
    """
    with open(_descriptor(path), "rb") as file:
        encoding = encoding_of(file, str(path))
        header, found = _header(file, encoding, delimiter)
        if header is None:
            raise InvalidInput(f"{path} is empty", hint="The first line of a CSV file names its columns.")
        yield Source(
            path=path,
            size=os.fstat(file.fileno()).st_size,
            encoding=encoding,
            delimiter=found,
            header=header,
            file=file,
        )


def _descriptor(path: Path) -> int:
    unfit = "must be read twice, which a pipe or a device cannot"
    if str(path) == "-":
        raise InvalidInput(f"standard input {unfit}", hint=SAVE_IT)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe's writer is not waited for
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise InvalidInput(f"{path} is a folder", hint="Give a CSV file.")
    raise InvalidInput(f"{path} {unfit}", hint=SAVE_IT)


def _header(file: BinaryIO, encoding: Encoding, delimiter: str | None) -> tuple[list[str] | None, str]:
    """The first record, and the delimiter under which most of its columns are known, or else it has the most."""
    read = {
        candidate: next((record.fields for record in read_records(_lines(file, encoding), candidate)), None)
        for candidate in ([delimiter] if delimiter else DELIMITERS)
    }
    best = max(read, key=lambda candidate: (recognised(read[candidate] or []), len(read[candidate] or [])))
    return read[best], best


def _lines(file: BinaryIO, encoding: Encoding) -> Iterator[str]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding.codec, newline="")
    try:
        for line in text:  # `yield from` would close it where it is left early  # noqa: UP028
            yield line
    finally:
        if not file.closed:
            text.detach()  # or it would close the file
