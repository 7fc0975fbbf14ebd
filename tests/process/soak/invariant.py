"""What must hold at every moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.process.soak.places import RESERVED, Delivery, Job, Places

PLACE_OF = {"queued": "jobs", "failed": "failed_jobs", "sent": "nowhere"}


def breaches(
    places: Places, *, acknowledged: set[str], accepted_before: Counter[str], accepted_after: Counter[str]
) -> list[str]:
    """What does not hold, in words; nothing where all does.

    Args:
        places: the tables as of one moment.
        acknowledged: addresses of leads that somebody was told of before that.
        accepted_before: how often the mail server had accepted each job's mail before that.
        accepted_after: the same after that.
    """
    found = {
        "acknowledged, but there is no such lead": acknowledged - places.leads.keys(),
        "leads whose notification is not in exactly one place": _not_in_one_place(places, acknowledged),
        "jobs that are stored twice": _stored_twice(places),
        "deliveries whose job is not where their status says": _misplaced(places),
        "claims that are incomplete": _incomplete_claims(places),
        "workers with more than one claim": _greedy_workers(places),
        "claims of nobody": _claims_of_nobody(places),
        "failed without an attempt": [uuid for uuid, _, attempts in places.failed if attempts < 1],
        "deliveries whose columns disagree with their status": _wrong_columns(places),
        "recorded as sent, but never accepted": _sent_but_not_accepted(places, accepted_after),
        "accepted more than once without an attempt that was broken off": _unexplained(places, accepted_before),
    }
    return [f"{what}: {_some(which)}" for what, which in found.items() if which]


def _not_in_one_place(places: Places, acknowledged: set[str]) -> dict[str, int]:
    count = places.places_of_leads()
    present = {address: places.leads[address] for address in acknowledged if address in places.leads}
    return {address: count[lead_id] for address, lead_id in present.items() if count[lead_id] != 1}


def _stored_twice(places: Places) -> list[str]:
    stored = Counter([job.uuid for job in places.jobs if job.uuid] + [uuid for uuid, *_ in places.failed])
    return [uuid for uuid, count in stored.items() if count > 1]


def _misplaced(places: Places) -> list[tuple[str, str, str]]:
    place = {job.uuid: "jobs" for job in places.jobs} | {uuid: "failed_jobs" for uuid, *_ in places.failed}
    found = [(d.uuid, d.status, place.get(d.uuid, "nowhere")) for d in places.deliveries]
    return [(uuid, status, where) for uuid, status, where in found if PLACE_OF.get(status) != where]


def _incomplete_claims(places: Places) -> list[str | None]:
    def is_whole(job: Job) -> bool:
        if job.stage == RESERVED:
            return job.uuid is not None and None not in (job.reserved_at, job.worker_id) and job.attempts >= 1
        return job.reserved_at is None and job.worker_id is None

    return [job.uuid for job in places.jobs if not is_whole(job)]


def _greedy_workers(places: Places) -> list[int | None]:
    claims = Counter(job.worker_id for job in places.jobs if job.stage == RESERVED)
    return [worker_id for worker_id, count in claims.items() if count > 1]


def _claims_of_nobody(places: Places) -> list[str | None]:
    return [job.uuid for job in places.jobs if job.stage == RESERVED and job.worker_id not in places.workers]


def _wrong_columns(places: Places) -> list[str]:
    def agrees(delivery: Delivery) -> bool:
        if delivery.status != "sent":
            return delivery.sent_at is None
        told = delivery.sent_at is not None and delivery.uuid in (delivery.message_id or "")
        return told and delivery.error is None and delivery.attempts >= 1

    return [delivery.uuid for delivery in places.deliveries if not agrees(delivery)]


def _sent_but_not_accepted(places: Places, accepted: Counter[str]) -> list[str]:
    return [d.uuid for d in places.deliveries if d.status == "sent" and not accepted[d.uuid]]


def _unexplained(places: Places, accepted: Counter[str]) -> dict[str, str]:
    repeated = {uuid: count - 1 for uuid, count in accepted.items() if count > 1}
    return {
        uuid: f"{repeats} repeats, {places.broken_off.get(uuid, 0)} broken off"
        for uuid, repeats in repeated.items()
        if repeats > places.broken_off.get(uuid, 0)
    }


def _some(which: Any) -> str:
    listed = list(which.items()) if isinstance(which, dict) else list(which)
    return f"{len(listed)}, such as {listed[:5]}"
