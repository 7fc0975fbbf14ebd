"""The records of a CSV file, of which a broken one spoils no other."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from leadq.leads import MESSAGE_LIMIT

FIELD_LIMIT = MESSAGE_LIMIT + 1_000  # characters: more than any that a lead has room for


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record.

    Attributes:
        line: the number of its first line in the file.
        fields: its values, as well as they can be told.
        problem: why it cannot be read; None where it can.
    """

    line: int
    fields: list[str]
    problem: str | None = None


def read_records(lines: Iterator[str], delimiter: str) -> Iterator[Record]:
    """The records of `lines`, blank ones apart.

    A quotation mark that is never closed would swallow all that follows: such a record is its first line alone, and
    reading begins anew after that.
    """
    csv.field_size_limit(max(FIELD_LIMIT, csv.field_size_limit()))
    source = _RewindableLines(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    line = 1
    while True:
        source.taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            source.give_back_all_but_first()
            yield Record(line=line, fields=_leniently(source.taken[0], delimiter), problem=_explained(error))
        else:
            if any(field.strip() for field in fields):
                yield Record(line=line, fields=fields)
        line += len(source.taken)


class _RewindableLines:
    """Lines that can be read again. `taken` holds those of the record at hand."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _RewindableLines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        """Has the record's further lines come once more."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _leniently(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.rstrip("\r\n").split(delimiter)


def _explained(error: csv.Error) -> str:
    words = str(error)
    if "field larger" in words:
        return f"a field has more than {FIELD_LIMIT} characters, or a quotation mark is never closed"
    if "unexpected end" in words:
        return "a quotation mark is never closed"
    return 'its quotation marks are wrong: one inside a quoted field is written as ""'
