"""Causes: failed jobs told together where they failed for one reason, whoever the mail was for.

Four hundred failed jobs are mostly three causes. Two errors are one cause when they differ in nothing but ids,
addresses, hex, quoted values and numbers. What tells causes apart is kept: the exception's type, SMTP reply codes
(RFC 5321, 4.2) and enhanced status codes (RFC 3463), HTTP status codes, errno and a database's error number, hosts
and ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from leadq.payload import describe
from leadq.store.records import FailedSummary
from leadq.text import one_line

LONGEST_CAUSE = 200  # characters: a long error is cut where its address happens to end
HOUR, DAY = 3600, 86400

_ENHANCED = r"[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)"
# the first alternative that fits decides; a group's name says what becomes of what it has found
_PARTS = re.compile(
    rf"""
      (?P<keep>
          \A[A-Za-z_][\w.]*(?=:)                                            # the exception's type
        | \b(?:SMTP|HTTP(?:/\d(?:\.\d)?)?|status(?:\ code)?|code)[ ]\(?\d{{3}}(?:[- ]{_ENHANCED})?(?![\w.])
        | (?:(?<=\A)|(?<=:\ )|(?<=\())[1-5]\d\d(?:[- ]{_ENHANCED}|(?=[- ][^\W\d])|(?=,\ b?['"])|(?=\)|\Z))
        | (?<![\w.]){_ENHANCED}
        | \[Errno\ -?\d+\]
        | (?<=\()\d+(?=,\ ['"])                                             # a database driver's error number
        | \b(?:localhost|(?:[\w-]+\.)+[A-Za-z]{{2,}}):\d{{1,5}}(?![\w@])    # a host and its port
      )
    | (?P<url>\bhttps?://[^\s/?\#<>'"]+)[^\s<>'"]*
    | (?P<address><?[^\s<>@"'(),;:=]+@[^\s<>@"'(),;:]*\w>?)
    | (?P<id>\b[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}\b)
    | (?P<ip>(?<![\w.:])(?:(?:\d{{1,3}}\.){{3}}\d{{1,3}}
          |(?=[0-9a-fA-F:]*::)[0-9a-fA-F:]{{3,}}|(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}})
        (?P<port>\]?:\d{{1,5}})?(?![\w.:]*\w))
    | (?P<hex>\b0[xX][0-9a-fA-F]+\b|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{{6,}}\b)
    | (?P<quoted>(?<!\w)(?:'[^']*'|"[^"]*"|`[^`]*`)(?!\w)|“[^”]*”|«[^»]*»)
    | (?P<token>\b(?:(?=(?:[A-Za-z]*\d){{3}})(?=\d*[A-Za-z])[A-Za-z0-9]+|(?=\d+[A-Za-z])[A-Za-z0-9]{{5,}}
          |(?:(?<=\bid[ =:])|(?<=\bID[ =:])|(?<=queued\ as\ ))(?=[A-Za-z]+\d)[A-Za-z0-9]+)\b)    # a queue id
    | (?P<number>(?<![^\W_])(?<!\d\.)\d+(?:(?:[.,:/-]\d+)*(?![^\W_]|\.\d)
          |(?:\.\d+)?(?=[A-Za-zµ]{{1,3}}\b)))                               # 30s, 5MB
    """,
    re.VERBOSE,
)

_MARKS = re.compile(r"#(?:[-.,:/]#)+")
_REPLY_CODE = re.compile(rf"{_ENHANCED}|[1-5]\d\d(?:[- ]{_ENHANCED})?(?!\w)")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Failed jobs of one kind that failed for one reason.

    Attributes:
        job: their display name.
        error: their error, with what differs folded out.
        count: how many they are.
        last_hour, last_day: how many of them failed so recently.
        first_at, last_at: UTC seconds of the first and the last failure.
        leads, users: how many different ones they were about, as far as that is known.
        sample: the number of the newest.
    """

    job: str
    error: str
    count: int
    last_hour: int
    last_day: int
    first_at: int
    last_at: int
    leads: int
    users: int
    sample: int


def causes_of(failed: Iterable[FailedSummary], *, now: int) -> list[Cause]:
    """The causes, the one with the most jobs first; of two alike the one seen last.

    Args:
        failed: read once and not kept. What is kept is each cause, and the numbers of its leads and users: some
            60 bytes a job at the most.
        now: UTC seconds.
    """
    tallies: dict[tuple[str, str], _Tally] = {}
    for one in failed:
        job, data = describe(one.payload)
        lead_id = data.get("lead_id")
        tally = tallies.setdefault((job, folded(one.error)), _Tally(first_at=one.failed_at))
        tally.add(one, lead_id if isinstance(lead_id, int) else one.lead_id, now - one.failed_at)
    causes = [
        Cause(
            job=job,
            error=error,
            count=tally.count,
            last_hour=tally.last_hour,
            last_day=tally.last_day,
            first_at=tally.first_at,
            last_at=tally.last_at,
            leads=len(tally.leads),
            users=len(tally.users),
            sample=tally.sample,
        )
        for (job, error), tally in tallies.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.count, -cause.last_at, cause.job, cause.error))


@lru_cache(maxsize=1024)
def folded(error: str) -> str:
    """An error's first line without what differs from job to job.

    `SMTP 550 5.1.1 <bob@x.de>: no such user (id 4711)` → `SMTP 550 5.1.1 <address>: no such user (id #)`
    """
    # one mark for numbers, ids and hex: a queue id may happen to have no letter, or no digit but at its ends
    return one_line(_MARKS.sub("#", _PARTS.sub(_fold, one_line(error))), limit=LONGEST_CAUSE)


def _fold(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "keep":
            return match[0]
        case "url":
            return match[0] if match[0] == match["url"] else f"{match['url']}/…"
        case "address":
            return "<address>"
        case "ip" | "port":
            return f"<ip>{match['port'] or ''}"
        case "quoted":
            code = _REPLY_CODE.match(match[0][1:-1])
            return f"{match[0][0]}{code[0] + ' ' if code else ''}…{match[0][-1]}"
        case _:
            return "#"


@dataclass(kw_only=True)
class _Tally:
    """A cause that is being counted."""

    first_at: int
    last_at: int = 0
    count: int = 0
    last_hour: int = 0
    last_day: int = 0
    sample: int = 0
    leads: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)

    def add(self, one: FailedSummary, lead_id: int | None, age: int) -> None:
        self.count += 1
        self.last_hour += age <= HOUR
        self.last_day += age <= DAY
        self.first_at = min(self.first_at, one.failed_at)
        self.last_at = max(self.last_at, one.failed_at)
        self.sample = max(self.sample, one.id)
        if lead_id is not None:
            self.leads.add(lead_id)
        if one.user_id is not None:
            self.users.add(one.user_id)
