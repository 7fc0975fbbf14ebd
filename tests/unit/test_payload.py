"""Payloads: what every program that inserts a job may write, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadq.clock import LAST_SECOND
from leadq.errors import UndecodablePayload
from leadq.payload import (
    SECONDS_MAX,
    TRIES_MAX,
    Payload,
    decode_payload,
    describe,
    encode_payload,
    new_uuid,
    with_identity,
)
from leadq.text import one_line

MINIMAL = {"job": "SendLeadCreatedEmail", "data": {"lead_id": 7}}
LARAVEL = {
    "uuid": "4f1c0a52-6d0e-4c6b-9a70-0d4f3a4f5b11",
    "displayName": "App\\Jobs\\SendLeadCreatedEmail",
    "job": "SendLeadCreatedEmail",
    "maxTries": 5,
    "maxExceptions": None,
    "failOnTimeout": False,
    "backoff": "3,10,30",
    "timeout": 120,
    "retryUntil": None,
    "createdAt": 1767225600,
    "delay": None,
    "data": {"lead_id": 7},
}


def with_changes(**changes: Any) -> str:
    return json.dumps({**MINIMAL, **changes})


def test_job_and_data_alone_are_a_valid_payload() -> None:
    assert decode_payload(json.dumps(MINIMAL)) == Payload(
        uuid=None, display_name="SendLeadCreatedEmail", job="SendLeadCreatedEmail", data={"lead_id": 7}
    )


def test_a_payload_with_every_key_of_laravel_is_read() -> None:
    assert decode_payload(json.dumps(LARAVEL)) == Payload(
        uuid="4f1c0a52-6d0e-4c6b-9a70-0d4f3a4f5b11",
        display_name="App\\Jobs\\SendLeadCreatedEmail",
        job="SendLeadCreatedEmail",
        max_tries=5,
        timeout=120,
        backoff=(3, 10, 30),
        created_at=1767225600,
        data={"lead_id": 7},
    )


def test_bytes_are_read_as_text_is() -> None:
    assert decode_payload(json.dumps(LARAVEL).encode()) == decode_payload(json.dumps(LARAVEL))


@pytest.mark.parametrize("data", [{}, {"data": None}])
def test_a_payload_without_data_has_none(data: dict[str, None]) -> None:
    assert decode_payload(json.dumps({"job": "Welcome", **data})).data == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the payload is not JSON: "),
        ('O:8:"stdClass":0:{}', "the payload is not JSON: "),
        ('{"job": "x"', "the payload is not JSON: "),
        ("[" * 100_000, "the payload is not JSON: "),
        ("null", "the payload is null: expected an object"),
        ("7", "the payload is a number: expected an object"),
        ("true", "the payload is a boolean: expected an object"),
        ('"x"', "the payload is a text: expected an object"),
        ("[]", "the payload is an array: expected an object"),
        ("{}", "the payload names no job: expected a key `job` with a registered name"),
        ('{"job": ""}', "the payload names no job: expected a key `job` with a registered name"),
        ('{"job": ["x"]}', "the payload names no job: expected a key `job` with a registered name"),
        (with_changes(data=[1]), "the payload's `data` is an array: expected an object"),
        (with_changes(data="x"), "the payload's `data` is a text: expected an object"),
        (with_changes(data=False), "the payload's `data` is a boolean: expected an object"),
        (with_changes(uuid=7), "the payload's `uuid` is wrong: expected a text of at most 64 characters"),
        (with_changes(uuid=""), "the payload's `uuid` is wrong: expected a text of at most 64 characters"),
        (with_changes(uuid="x" * 65), "the payload's `uuid` is wrong: expected a text of at most 64 characters"),
        (with_changes(uuid="a\nb"), "the payload's `uuid` is wrong: expected a text of at most 64 characters"),
        (with_changes(maxTries=-1), f"the payload's `maxTries` is wrong: expected a number from 0 to {TRIES_MAX}"),
        (with_changes(maxTries=True), f"the payload's `maxTries` is wrong: expected a number from 0 to {TRIES_MAX}"),
        (with_changes(maxTries="x"), f"the payload's `maxTries` is wrong: expected a number from 0 to {TRIES_MAX}"),
        (with_changes(maxTries=1e9), f"the payload's `maxTries` is wrong: expected a number from 0 to {TRIES_MAX}"),
        (with_changes(timeout=[]), f"the payload's `timeout` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (with_changes(timeout=-0.1), f"the payload's `timeout` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (
            with_changes(timeout=float("nan")),
            f"the payload's `timeout` is wrong: expected a number from 0 to {SECONDS_MAX}",
        ),
        (with_changes(timeout="nan"), f"the payload's `timeout` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (with_changes(backoff="3,x"), f"the payload's `backoff` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (with_changes(backoff=[{}]), f"the payload's `backoff` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (with_changes(backoff={}), f"the payload's `backoff` is wrong: expected a number from 0 to {SECONDS_MAX}"),
        (
            with_changes(createdAt="today"),
            f"the payload's `createdAt` is wrong: expected a number from 0 to {LAST_SECOND}",
        ),
    ],
)
def test_a_payload_of_the_wrong_kind_says_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(UndecodablePayload) as error:
        decode_payload(text)
    assert error.value.message.startswith(reason)
    assert one_line(error.value.message) == error.value.message


def test_bytes_that_are_no_text_are_undecodable() -> None:
    with pytest.raises(UndecodablePayload, match=r"^the payload is not JSON: "):
        decode_payload(b'{"job": "\xff"}')


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ([3, 10, 30], (3, 10, 30)),
        ([1.5], (1.5,)),
        (["3", "10"], (3, 10)),
        (5, (5,)),
        (0, (0,)),
        ("3,10,30", (3, 10, 30)),
        (" 3 , 10 ", (3, 10)),
        ("7", (7,)),
        ("", None),
        ([], None),
        ([None], None),
        (None, None),
    ],
)
def test_backoff_is_a_list_a_number_or_a_comma_separated_text(written: object, steps: tuple[float, ...] | None) -> None:
    assert decode_payload(with_changes(backoff=written)).backoff == steps


@pytest.mark.parametrize(("written", "tries"), [(0, 0), (3, 3), ("3", 3), (3.0, 3), (None, None)])
def test_tries_are_a_whole_number_zero_included(written: object, tries: int | None) -> None:
    assert decode_payload(with_changes(maxTries=written)).max_tries == tries


@pytest.mark.parametrize("written", [None, "", 7, ["x"]])
def test_a_display_name_that_is_no_text_gives_way_to_the_jobs_name(written: object) -> None:
    assert decode_payload(with_changes(displayName=written)).display_name == "SendLeadCreatedEmail"


def test_identity_is_written_into_a_payload_that_lacks_it() -> None:
    text = with_identity(json.dumps(MINIMAL), uuid="u-1", created_at=1000)
    assert json.loads(text) == {**MINIMAL, "uuid": "u-1", "createdAt": 1000}


def test_identity_that_is_there_is_kept_with_every_other_key() -> None:
    text = with_identity(json.dumps(LARAVEL), uuid="u-1", created_at=1000)
    assert json.loads(text) == LARAVEL


@pytest.mark.parametrize("text", ["", "not json", "[1]", "null"])
def test_a_payload_that_cannot_be_decoded_gets_no_identity(text: str) -> None:
    assert with_identity(text, uuid="u-1", created_at=1000) == text


def test_the_text_with_its_identity_can_be_stored_whatever_the_data_holds() -> None:
    text = r'{"job": "SendLeadCreatedEmail", "data": {"lead_id": 7, "note": "\ud800"}}'
    with_identity(text, uuid="u-1", created_at=1000).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "name", "data"),
    [
        (json.dumps(LARAVEL), "App\\Jobs\\SendLeadCreatedEmail", {"lead_id": 7}),
        ("not json", "?", {}),
        (b"\xff\xfe\x00", "?", {}),
        ('{"job": 7}', "?", {}),
    ],
)
def test_any_payload_can_be_described(text: str | bytes, name: str, data: dict[str, Any]) -> None:
    assert describe(text) == (name, data)


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), float("nan"), float("inf")])
def test_data_that_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_payload(Payload(uuid="u", display_name="x", job="x", data={"value": value}))


def test_every_new_uuid_is_a_payloads_uuid() -> None:
    uuids = {new_uuid() for _ in range(100)}
    assert len(uuids) == 100
    assert {decode_payload(with_changes(uuid=uuid)).uuid for uuid in uuids} == uuids


NAMES = st.text(min_size=1, max_size=40)
SECONDS = st.floats(0, SECONDS_MAX)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.builds(
    Payload,
    uuid=st.none() | st.uuids().map(str),
    display_name=NAMES,
    job=NAMES,
    max_tries=st.none() | st.integers(0, TRIES_MAX),
    timeout=st.none() | SECONDS,
    backoff=st.none() | st.lists(SECONDS, min_size=1, max_size=5).map(tuple),
    created_at=st.none() | st.integers(0, LAST_SECOND),
    data=st.dictionaries(st.text(), JSON_VALUES, max_size=5),
)


@given(PAYLOADS)
def test_every_payload_comes_back_as_it_was(payload: Payload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


@given(st.text() | st.binary() | JSON_VALUES.map(json.dumps))
def test_whatever_is_in_the_row_is_a_payload_or_undecodable(text: str | bytes) -> None:
    reason = ""
    try:
        decode_payload(text)
    except UndecodablePayload as error:
        reason = error.message
    assert one_line(reason) == reason
