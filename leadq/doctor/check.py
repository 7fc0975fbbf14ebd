"""A check and what it has found."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from leadq.text import one_line


class Status(StrEnum):
    """How well something is."""

    OK = "OK"
    WARN = "WARN"  # works, or may; somebody should look
    FAIL = "FAIL"  # does not work


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check has found. `remedy` is what to do or type; None where there is nothing to do."""

    status: Status
    detail: str
    remedy: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """A finding under the name of its check."""

    name: str
    status: Status
    detail: str
    remedy: str | None


class Step(NamedTuple):
    """A check to be made. `look` may raise Skipped, or anything."""

    name: str
    look: Callable[[], Finding]


class Skipped(Exception):
    """A check cannot be made, for a reason that another check tells."""


def typed(*words: object) -> str:
    """Words of a command as a person can type them: a folder's name may hold blanks, a stranger's text anything."""
    return shlex.join(one_line(str(word)) for word in words)


def ok(detail: str) -> Finding:
    """All is well."""
    return Finding(status=Status.OK, detail=detail)


def warn(detail: str, remedy: str | None) -> Finding:
    """Somebody should look."""
    return Finding(status=Status.WARN, detail=detail, remedy=remedy)


def fail(detail: str, remedy: str | None) -> Finding:
    """Something does not work."""
    return Finding(status=Status.FAIL, detail=detail, remedy=remedy)


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of these; OK where there are none."""
    return max(statuses, key=list(Status).index, default=Status.OK)
