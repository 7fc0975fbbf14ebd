"""Stories as people read them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from leadq.output.times import local_time
from leadq.store.records import Event

INDENT = 43  # what stands before what is known
READABLE = 30


def story_lines(events: Iterable[Event], zone_name: str | None, *, width: int | None = None) -> Iterator[str]:
    """A line an event: when, what, at which attempt, and what is known.

    Args:
        events: what happened, in order.
        zone_name: the zone of its times; the system's if None.
        width: columns that there are: what is known goes on below itself where it is longer. None for whole lines.
    """
    for event in events:
        attempt = f"attempt {event.attempt}" if event.attempt else ""
        at = local_time(event.at, zone_name)
        known, *more = _folded(event.detail or "", width)
        yield f"{at}  {event.event:10} {attempt:10} {known}".rstrip()
        for line in more:
            yield " " * INDENT + line


def _folded(text: str, width: int | None) -> list[str]:
    if width is None or width < INDENT + READABLE:
        return [text]
    folded = textwrap.wrap(text, width - INDENT, break_long_words=False, break_on_hyphens=False)
    return folded or [""]
