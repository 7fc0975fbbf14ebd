"""Registered jobs: a name in a row becomes an object, and only names that are registered do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from leadq import job as jobs
from leadq.errors import UndecodablePayload, UnknownJob
from leadq.job import Job, JobContext, job_from, payload_of
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.payload import Payload, decode_payload, encode_payload
from leadq.receipt import Receipt


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers goes with it."""
    monkeypatch.setattr(jobs, "_REGISTRY", dict(jobs._REGISTRY))


def stored(job: str, **data: Any) -> Payload:
    return Payload(uuid="u", display_name=job, job=job, data=data)


def welcome_class() -> type[Any]:
    @dataclass
    class Welcome(Job):
        lead_id: int
        words: list[str] = field(default_factory=list)
        kind: str = "short"
        tries = 5
        timeout = 12.5
        backoff = (1, 2)
        queue = "high"
        priority = -3

    return Welcome


def test_a_jobs_fields_are_its_data_and_come_back() -> None:
    welcome = welcome_class()(lead_id=7, words=["a", "ü"])
    payload = payload_of(welcome, uuid="u-1", created_at=1000)
    assert payload == Payload(
        uuid="u-1",
        display_name="Welcome",
        job="Welcome",
        max_tries=5,
        timeout=12.5,
        backoff=(1, 2),
        created_at=1000,
        data={"lead_id": 7, "words": ["a", "ü"], "kind": "short"},
    )
    assert job_from(decode_payload(encode_payload(payload))) == welcome


def test_what_a_job_leaves_unset_is_left_to_the_workers_flags() -> None:
    @dataclass
    class Plain(Job):
        pass

    payload = payload_of(Plain(), uuid="u", created_at=1)
    assert (payload.max_tries, payload.timeout, payload.backoff, payload.data) == (None, None, None, {})


def test_a_class_that_is_no_dataclass_is_a_job_without_data() -> None:
    class Bare(Job):
        pass

    assert payload_of(Bare(), uuid="u", created_at=1).data == {}
    assert isinstance(job_from(stored("Bare")), Bare)


def test_fields_with_a_default_may_be_missing_from_the_data() -> None:
    cls = welcome_class()
    assert job_from(stored("Welcome", lead_id=7)) == cls(lead_id=7)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "the payload's data lacks lead_id for Welcome"),
        ({"kind": "long"}, "the payload's data lacks lead_id for Welcome"),
        ({"lead_id": 1, "b": 1, "a": 1}, "the payload's data has unknown a, b for Welcome"),
        ({"lead_id": 1, "tries": 9}, "the payload's data has unknown tries for Welcome"),
        ({"lead_id": 1, "handle": 9}, "the payload's data has unknown handle for Welcome"),
    ],
)
def test_data_that_does_not_fit_the_fields_is_named(data: dict[str, Any], reason: str) -> None:
    welcome_class()
    with pytest.raises(UndecodablePayload) as error:
        job_from(stored("Welcome", **data))
    assert error.value.message == reason


@pytest.mark.parametrize("name", ["Nope", "os.system", "leadq.job.Job", "Job", "send_lead_created_email"])
def test_a_name_that_nobody_registered_is_no_job(name: str) -> None:
    with pytest.raises(UnknownJob) as error:
        job_from(stored(name))
    assert error.value.message == f"no job is registered as {name!r}"
    assert "LEADQ_JOBS" in str(error.value.hint)


def test_two_jobs_of_one_name_are_refused() -> None:
    class Twin(Job):
        pass

    with pytest.raises(TypeError, match=r"^two jobs are named Twin: "):

        class Twin(Job):
            __module__ = "another.module"


def test_the_same_class_may_be_defined_again_by_a_reload() -> None:
    first, second = welcome_class(), welcome_class()
    assert first is not second
    assert type(job_from(stored("Welcome", lead_id=1))) is second


def test_the_built_in_job_is_registered_and_sets_nothing_of_its_own() -> None:
    assert job_from(stored("SendLeadCreatedEmail", lead_id=7)) == SendLeadCreatedEmail(lead_id=7)
    payload = payload_of(SendLeadCreatedEmail(lead_id=7), uuid="u", created_at=1)
    assert (payload.max_tries, payload.timeout, payload.backoff) == (None, None, None)


@pytest.mark.parametrize("lead_id", ["7", 7.5, True, None, [7], -1, 2**63])
def test_the_built_in_job_takes_numbers_alone(lead_id: object) -> None:
    with pytest.raises(UndecodablePayload, match=r"^the payload's lead_id is "):
        job_from(stored("SendLeadCreatedEmail", lead_id=lead_id))


def test_a_job_without_handle_says_so_when_it_runs() -> None:
    class Lazy(Job):
        pass

    with pytest.raises(NotImplementedError):
        Lazy().handle(None)  # type: ignore[arg-type]


def test_the_context_keeps_the_receipt_of_a_mail_that_was_accepted() -> None:
    fields = {field.name: None for field in dataclasses.fields(JobContext) if field.name != "receipt"}
    context = JobContext(**fields)  # type: ignore[arg-type]
    assert context.receipt is None
    receipt = Receipt(message_id="<a@b>", reply="250 ok")
    context.accepted(receipt)
    assert context.receipt == receipt
