"""Importing: the records of a file, chunk by chunk, become leads, duplicates and rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from leadq.errors import InvalidInput
from leadq.lead_import.chunk import OnDuplicate, Row, Stored
from leadq.lead_import.columns import Columns
from leadq.lead_import.records import Record
from leadq.lead_import.rejects import Reject
from leadq.leads import validated

CHUNK_ROWS = 400
CHUNK_CHARACTERS = 500_000  # … or fewer rows: a server has a limit for one statement, MariaDB's is 16 MB
IN_THE_DATABASE = "a lead with this address is there already, or a row before has it"


class Chunks(Protocol):
    """What takes the rows: see StoredChunks and TriedChunks."""

    def take(self, rows: Sequence[Row]) -> Stored:
        """Takes a chunk, all of it or nothing."""


class RejectsTaker(Protocol):
    """What takes the rejects: see RejectsFile and FirstRejects."""

    def add(self, rejects: Sequence[Reject]) -> None:
        """Takes the rejects of a chunk, in the order of their lines."""


@dataclass(kw_only=True)
class Tally:
    """What has become of the rows so far; true at any time, since it grows with each transaction that has ended.

    Attributes:
        unassigned: how many of `created` belong to nobody.
        batch_id: the batch of their jobs; None where there is none so far.
    """

    created: int = 0
    skipped: int = 0
    rejected: int = 0
    unassigned: int = 0
    batch_id: str | None = None

    @property
    def rows(self) -> int:
        """All of them."""
        return self.created + self.skipped + self.rejected

    @property
    def counts(self) -> dict[str, int]:
        """The three numbers that make up `rows`."""
        return {"created": self.created, "skipped": self.skipped, "rejected": self.rejected}


class LeadImport:
    """One run. `tally` says how far it has come, whatever ends it.

    Args:
        columns: which of a record's fields is what.
        chunks: takes what can be imported.
        rejects: takes what cannot.
        on_duplicate: whether a duplicate is skipped or rejected.
    """

    def __init__(self, columns: Columns, chunks: Chunks, rejects: RejectsTaker, on_duplicate: OnDuplicate) -> None:
        self.tally = Tally()
        self._columns = columns
        self._chunks = chunks
        self._rejects = rejects
        self._on_duplicate = on_duplicate

    def run(self, records: Iterator[Record], goes_on: Callable[[], bool]) -> bool:
        """Imports records, and returns whether it came to their end.

        Args:
            records: those of a file.
            goes_on: called after each chunk; False ends it there.

        Raises:
            LeadqError: the chunk at hand could not be stored, or its rejects not be written.
        """
        for chunk in _chunked(records):
            self._take(chunk)
            if not goes_on():
                return False
        return True

    def _take(self, chunk: Sequence[Record]) -> None:
        tally = self.tally
        rows, bad = _checked(chunk, self._columns)
        if rows:
            stored = self._chunks.take(rows)
            tally.created += stored.created
            tally.unassigned += stored.unassigned
            tally.batch_id = stored.batch_id
            if self._on_duplicate is OnDuplicate.ERROR:
                bad += [_reject(row.record, IN_THE_DATABASE, self._columns) for row in stored.duplicates]
            else:
                tally.skipped += len(stored.duplicates)
        tally.rejected += len(bad)
        self._rejects.add(sorted(bad, key=lambda reject: reject.line))


def _chunked(records: Iterator[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += sum(map(len, record.fields))
        if len(chunk) == CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _checked(records: Sequence[Record], columns: Columns) -> tuple[list[Row], list[Reject]]:
    rows: list[Row] = []
    bad: list[Reject] = []
    for record in records:
        try:
            if record.problem is not None:
                raise InvalidInput(record.problem)
            rows.append(Row(record=record, lead=validated(columns.lead_of(record.fields))))
        except InvalidInput as error:
            bad.append(_reject(record, error.message, columns))
    return rows, bad


def _reject(record: Record, reason: str, columns: Columns) -> Reject:
    return Reject(line=record.line, reason=reason, fields=columns.own(record.fields))
