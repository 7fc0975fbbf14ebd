"""Stories as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leadq.output.times import local_time
from leadq.store.records import Event


def story_lines(events: Iterable[Event], zone_name: str | None) -> Iterator[str]:
    """A line an event: when, in the zone named (the system's if None), what, at which attempt, and what is known."""
    for event in events:
        attempt = f"attempt {event.attempt}" if event.attempt else ""
        at = local_time(event.at, zone_name)
        yield f"{at}  {event.event:10} {attempt:10} {event.detail or ''}".rstrip()
