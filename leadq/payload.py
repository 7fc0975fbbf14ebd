"""The payload of a job: JSON with Laravel's keys, so that any program can write one with a plain INSERT.

`{"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}` alone is valid; every other key has a default.
Keys as in Laravel's Illuminate/Queue/Queue.php, createPayload().
"""

from __future__ import annotations

import json
import uuid as uuids
from dataclasses import dataclass
from typing import Any

from leadq.clock import LAST_SECOND
from leadq.errors import UndecodablePayload
from leadq.text import one_line

TRIES_MAX = 1_000_000
SECONDS_MAX = 10 * 365 * 86400


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A decoded payload. None for `max_tries`, `timeout` and `backoff` means: as the worker's flags say.

    Attributes:
        uuid: the job's identity through all retries; None in a row that another program inserted and no
            worker has claimed yet.
        job: the registered name.
        timeout: seconds an attempt may take; 0 for no limit.
        backoff: seconds between attempts, the last value repeating.
        created_at: UTC seconds of the dispatch, or None.
        data: the job's own values.
    """

    uuid: str | None
    display_name: str
    job: str
    max_tries: int | None = None
    timeout: float | None = None
    backoff: tuple[float, ...] | None = None
    created_at: int | None = None
    data: dict[str, Any]


def new_uuid() -> str:
    """A fresh random identity for a job."""
    return str(uuids.uuid4())


def encode_payload(payload: Payload) -> str:
    """The JSON text of `payload`.

    Raises:
        TypeError, ValueError: `data` holds something that JSON cannot.
    """
    document = {
        "uuid": payload.uuid,
        "displayName": payload.display_name,
        "job": payload.job,
        "maxTries": payload.max_tries,
        "timeout": payload.timeout,
        "backoff": list(payload.backoff) if payload.backoff is not None else None,
        "createdAt": payload.created_at,
        "data": payload.data,
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def decode_payload(text: str | bytes) -> Payload:
    """Reads a payload, whoever wrote it.

    Raises:
        UndecodablePayload: not JSON, not an object, no job name, or a key of the wrong kind.
    """
    document = _object(text)
    job = document.get("job")
    if not isinstance(job, str) or not job:
        raise UndecodablePayload("the payload names no job: expected a key `job` with a registered name")
    data = document.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise UndecodablePayload(f"the payload's `data` is {_kind(data)}: expected an object")
    display_name = document.get("displayName")
    return Payload(
        uuid=_uuid(document.get("uuid")),
        display_name=display_name if isinstance(display_name, str) and display_name else job,
        job=job,
        max_tries=_whole("maxTries", document.get("maxTries"), TRIES_MAX),
        timeout=_seconds("timeout", document.get("timeout")),
        backoff=_backoff(document.get("backoff")),
        created_at=_whole("createdAt", document.get("createdAt"), LAST_SECOND),
        data=data,
    )


def with_identity(text: str, *, uuid: str, created_at: int) -> str:
    """`text` with a uuid and a time of dispatch written into it, where it is a payload that lacks them.

    A payload that cannot be decoded is returned as it is.
    """
    try:
        document = _object(text)
    except UndecodablePayload:
        return text
    if document.get("uuid") is None:
        document["uuid"] = uuid
    if document.get("createdAt") is None:
        document["createdAt"] = created_at
    return json.dumps(document, separators=(",", ":"))


def describe(text: str | bytes) -> tuple[str, dict[str, Any]]:
    """A display name and the data of any payload, for lists: never raises, `("?", {})` at the worst."""
    try:
        payload = decode_payload(text)
    except UndecodablePayload:
        return "?", {}
    return payload.display_name, payload.data


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UndecodablePayload(f"the payload is not JSON: {one_line(str(error), limit=200)}") from None
    if not isinstance(document, dict):
        raise UndecodablePayload(f"the payload is {_kind(document)}: expected an object")
    return document


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {str: "a text", list: "an array", dict: "an object", bool: "a boolean"}.get(type(value), "a number")


def _uuid(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or one_line(value) != value:
        raise UndecodablePayload("the payload's `uuid` is wrong: expected a text of at most 64 characters")
    return value


def _number(key: str, value: object, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise UndecodablePayload(f"the payload's `{key}` is wrong: expected a number from 0 to {most}")
    return value


def _whole(key: str, value: object, most: int) -> int | None:
    number = _number(key, value, most)
    return None if number is None else int(number)


def _seconds(key: str, value: object) -> float | None:
    return _number(key, value, SECONDS_MAX)


def _backoff(value: object) -> tuple[float, ...] | None:
    """A list of seconds, one number, or Laravel's comma-separated text; an empty list means none is set."""
    if value is None:
        return None
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    steps = value if isinstance(value, list) else [value]
    seconds = tuple(step for step in (_seconds("backoff", item) for item in steps) if step is not None)
    return seconds or None
