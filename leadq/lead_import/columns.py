"""Which column of a file holds what."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leadq.errors import InvalidInput
from leadq.lead_import.names import FIELDS, MARKS, NAMES, key_of
from leadq.leads import NewLead
from leadq.text import one_line

ANOTHER_WAY = {"name": ("first_name", "last_name"), "first_name": ("name",), "last_name": ("name",)}
MOST_TOLD = 12

_FIELD_OF = {key_of(name): field for field, names in NAMES.items() for name in names}
_RANK = {key_of(name): rank for names in NAMES.values() for rank, name in enumerate(names)}
_MARK_KEYS = {key_of(mark) for mark in MARKS}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file.

    Attributes:
        names: of all of them but MARKS, as they stand in the file, blanks included.
        places: for each field the numbers of its columns, from 0, the one that counts first coming first.
        ignored: the names of those that hold no field.
        marks: the numbers of those of an earlier run, the last one first.
        width: how many there are.
    """

    names: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]
    ignored: tuple[str, ...]
    marks: tuple[int, ...]
    width: int

    def lead_of(self, fields: Sequence[str]) -> NewLead:
        """The lead that a record describes, as it stands there.

        Raises:
            InvalidInput: it has more or fewer fields than the header.
        """
        has = len(fields)
        if has < self.width or any(field.strip() for field in fields[self.width :]):
            raise InvalidInput(
                f"it has {has} {'field' if has == 1 else 'fields'}: expected {self.width}, as the first line has"
            )
        found = {field: self._value(field, fields) for field in FIELDS}
        if not found["email"]:
            raise InvalidInput("the lead's email is empty")
        return NewLead(
            name=found["name"] or " ".join(filter(None, (found["first_name"], found["last_name"]))),
            email=found["email"],
            phone=found["phone"],
            company=found["company"],
            source=found["source"],
            message=found["message"],
        )

    def own(self, fields: Sequence[str]) -> list[str]:
        """A record's fields without those of MARKS."""
        kept = list(fields)
        for place in self.marks:
            del kept[place : place + 1]
        return kept

    def _value(self, field: str, fields: Sequence[str]) -> str:
        values = (fields[place].strip() for place in self.places.get(field, ()))
        return next((value for value in values if value), "")


def recognised(header: Iterable[str]) -> int:
    """How many fields of a lead a header has."""
    return len({_FIELD_OF[key] for name in header if (key := key_of(name)) in _FIELD_OF})


def columns_of(header: Sequence[str], mapping: Sequence[tuple[str, str]] = ()) -> Columns:
    """Finds the columns of a file.

    Args:
        header: its first record.
        mapping: pairs of a column's name and one of FIELDS, which beat what the name says by itself. A field that
            has such columns has no others.

    Raises:
        InvalidInput: there is no column for the name or the address, or one of `mapping` is not there.
    """
    width = max(place for place, name in enumerate(header, 1) if name.strip())
    keys = [key_of(name) for name in header[:width]]
    marks = tuple(place for place in reversed(range(width)) if keys[place] in _MARK_KEYS)
    names = tuple(name for place, name in enumerate(header[:width]) if place not in marks)
    places = _mapped(names, keys, header, mapping)
    taken = {*marks, *(place for found in places.values() for place in found)}
    closed = {*places, *(other for field in places for other in ANOTHER_WAY.get(field, ()))}
    for place in sorted(range(width), key=lambda place: (_RANK.get(keys[place], 0), place)):
        field = _FIELD_OF.get(keys[place])
        if field and field not in closed and place not in taken:
            places[field] = (*places.get(field, ()), place)
    _require_name_and_address(places, names)
    taken |= {place for found in places.values() for place in found}
    ignored = tuple(header[place].strip() for place in range(width) if place not in taken and keys[place])
    return Columns(names=names, places=places, ignored=ignored, marks=marks, width=width)


def _mapped(
    names: Sequence[str], keys: Sequence[str], header: Sequence[str], mapping: Sequence[tuple[str, str]]
) -> dict[str, tuple[int, ...]]:
    places: dict[str, tuple[int, ...]] = {}
    for name, field in mapping:
        exact = [place for place, found in enumerate(header) if found.strip() == name.strip()]
        found = exact or [place for place, key in enumerate(keys) if key and key == key_of(name)]
        if not found:
            raise InvalidInput(f"there is no column {name!r}; the columns are {told(names)}")
        places[field] = (*places.get(field, ()), *found)
    return places


def _require_name_and_address(places: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> None:
    has_name = places.keys() & {"name", "first_name", "last_name"}
    missing = [what for what, there in (("name", has_name), ("email", "email" in places)) if not there]
    if missing:
        column = next((name.strip() for name in names if name.strip()), "COLUMN")
        raise InvalidInput(
            f"no column for the lead's {' or '.join(missing)} was found; the columns are {told(names)}",
            hint=f"Say which one it is, such as: --map {shlex.quote(f'{column}={missing[0]}')}",
        )


def told(names: Sequence[str]) -> str:
    """Names of columns for a person to read, the first MOST_TOLD of them."""
    shown = ", ".join(one_line(name, limit=60) or "(none)" for name in names[:MOST_TOLD])
    more = len(names) - MOST_TOLD
    return f"{shown} and {more} more" if more > 0 else shown
