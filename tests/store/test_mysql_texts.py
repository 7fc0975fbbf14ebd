"""Texts of every kind and length, and large numbers: a server's columns hold them, or leadq refuses them first."""

from __future__ import annotations

import json

import pytest

from leadq.dispatching import dispatch
from leadq.errors import InvalidInput, StoreError
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.leads import FIELD_LIMIT, MESSAGE_LIMIT, NewLead, Routing, create_lead
from leadq.receipt import Receipt
from leadq.store.outcomes import Completed, Failed, Released
from leadq.store.store import Store
from leadq.users import create_user
from tests.homes import Home
from tests.store.conftest import claim, enqueue, enqueue_notification

ROUTING = Routing(default_queue="default")
WIDE = "𝒜"  # a letter of four bytes
BIG = 5_000_000_000  # more than 32 bits hold
HUGE = """
from leadq.job import Job

class Huge(Job):
    def handle(self, context):
        raise ValueError("é" * 20_000_000)
"""
TABLES = ("users", "leads", "deliveries", "delivery_events", "workers", "jobs", "failed_jobs")


@pytest.mark.parametrize(
    "text",
    [
        "Zoë Ærøskøbing",
        "李雷 Владимир محمد",
        "👩‍👩‍👧‍👦 🏳️‍🌈 \U0010ffff",
        "e\u0301 and é",
        "\u202eesrever\u202c \u200b\ufeff",
        "\x00\x1b[2J\x07\x7f",
        "one\r\ntwo\rthree\u2028four\tfive",
        r"""'); DROP TABLE jobs; -- " ` \ \' \0 \n %s %(name)s %% ? :x {0}""",
        "  blanks at both ends  ",
        "\\",
    ],
)
def test_a_text_of_any_kind_comes_back_as_it_was_stored(store: Store, text: str) -> None:
    user = store.users.create(name=text, email="ana@example.com")
    fields = {"phone": text, "company": text, "source": text, "message": text}
    lead = store.leads.create(name=text, email="bo@example.com", **fields, user_id=user.id)
    assert (store.users.get(user.id), store.leads.get(lead.id)) == (user, lead)
    job = enqueue(store, payload=json.dumps({"job": "x", "data": {"text": text}}, ensure_ascii=False))
    store.deliveries.create(uuid=job.uuid, lead_id=lead.id, user_id=user.id, queued_at=1)
    claimed = claim(store)
    assert claimed.payload == job.payload
    store.settlements.settle(claimed, Released(delay_seconds=0, error=text))
    claimed = claim(store)
    assert store.jobs.find(claimed.id).last_error == text
    store.settlements.settle(claimed, Failed(error=text, exception=text))
    failed = store.failed.find(job.uuid)
    assert (failed.payload, failed.exception) == (job.payload, text)
    store.triage.retry(failed.id)
    store.settlements.settle(claim(store), Completed(receipt=Receipt(message_id="<a@b>", reply=text)))
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert delivery.reply == text
    assert [event.detail for event in store.deliveries.events(job.uuid)] == [text, text, None]


def test_the_longest_fields_that_are_accepted_fit(store: Store) -> None:
    address = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.com"
    create_user(store, name=WIDE * FIELD_LIMIT, email=address)
    short, long = WIDE * FIELD_LIMIT, WIDE * MESSAGE_LIMIT
    new = NewLead(name=short, email=address, phone=short, company=short, source=short, message=long)
    notified = create_lead(store, new, routing=Routing(default_queue="default", queue=WIDE * 100))
    assert notified.job is not None
    assert store.leads.get(notified.lead.id) == notified.lead
    assert claim(store, WIDE * 100).uuid == notified.job.uuid


def test_an_address_that_grows_when_it_is_folded_fits(store: Store) -> None:
    user = create_user(store, name="Ana", email=f"a@{'.'.join(['ΐ' * 30] * 4)}.com")
    assert len(user.email.casefold()) > FIELD_LIMIT
    assert store.users.find(user.email) == user


def test_a_queue_whose_name_does_not_fit_is_refused(home: Home, store: Store) -> None:
    job = SendLeadCreatedEmail(lead_id=1)
    with pytest.raises(InvalidInput, match=r"^the queue's name has 256 characters: expected at most 255$"):
        dispatch(store, job, default_queue="default", queue="q" * 256)
    assert home.count("jobs") == 0
    dispatch(store, job, default_queue="default", queue=WIDE * 255)
    assert claim(store, WIDE * 255).queue == WIDE * 255


def test_a_worker_may_have_hundreds_of_queues(store: Store) -> None:
    queues = tuple(f"{WIDE * 95}{number:05}" for number in range(300))
    store.workers.register(name=WIDE * 100, queues=queues)
    (worker,) = store.workers.alive(retry_after=90)
    assert (worker.name, worker.queues) == (WIDE * 100, queues)
    assert not store.claims.has_due(queues)
    job = enqueue(store, queue=queues[-1])
    assert store.claims.has_due(queues)
    assert claim(store, *queues).uuid == job.uuid


@pytest.mark.parametrize("length", [64, 65])
def test_a_uuid_of_another_program_is_kept_where_it_fits(home: Home, store: Store, length: int) -> None:
    home.insert_job({"job": "x", "uuid": WIDE * length})
    claimed = claim(store)
    assert len(claimed.uuid) == (length if length == 64 else 36)
    assert store.settlements.settle(claimed, Failed(error="x", exception="x"))
    assert store.failed.find(claimed.uuid).uuid == claimed.uuid


def test_that_a_mail_was_accepted_is_recorded_however_long_the_words_for_it(store: Store) -> None:
    job = enqueue_notification(store)
    receipt = Receipt(message_id=f"<{WIDE * 300}>", reply=WIDE * 100_000)
    assert store.settlements.settle(claim(store), Completed(receipt=receipt))
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert delivery.status == "sent"
    assert receipt.message_id.startswith(delivery.message_id or "?")
    assert receipt.reply.startswith(delivery.reply or "?")


def test_an_exception_of_a_megabyte_is_kept(store: Store) -> None:
    job = enqueue(store)
    exception = f"ValueError: no\n{WIDE * 1_000_000}"
    assert store.settlements.settle(claim(store), Failed(error="ValueError: no", exception=exception))
    assert store.failed.find(job.uuid).exception == exception


def test_an_exception_larger_than_a_server_takes_fails_its_job_and_does_not_hold_up_the_worker(home: Home) -> None:
    home.add_module("huge", HUGE)
    home.insert_job({"job": "Huge"})
    home.run("work", "--once", "--tries", "1")
    ((exception,),) = home.sql("SELECT exception FROM failed_jobs")
    assert exception.startswith("ValueError: ééé")
    assert len(exception) <= 1_000_000


@pytest.mark.mariadb_only("SQLite's texts have no length")
def test_a_text_that_does_not_fit_is_an_error_and_is_not_cut_off(home: Home, store: Store) -> None:
    with pytest.raises(StoreError, match=r"^the database refused a statement: Data too long for column 'name'"):
        store.leads.create(name="x" * 256, email="bo@example.com", user_id=None)
    assert home.count("leads") == 0


@pytest.mark.mariadb_only("its AUTO_INCREMENT")
def test_numbers_may_be_larger_than_32_bits_hold(home: Home) -> None:
    for table in TABLES:
        home.sql(f"ALTER TABLE {table} AUTO_INCREMENT = {BIG}")
    home.leadq("user", "create", "--name", "Ana", "--email", "ana@example.com")
    created = home.json("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert (created["lead"]["id"], created["lead"]["user_id"], created["job"]["id"]) == (BIG, BIG, BIG)
    home.insert_job({"job": "Unknown"})
    home.leadq("work", "--stop-when-empty")
    assert home.json("failed", BIG)["id"] == BIG
    assert home.leadq("lead", "show", BIG).stdout.count(" sent ") == 1
    assert home.leadq("retry", BIG).exit_code == 0
    assert home.json("jobs", BIG + 2)["id"] == BIG + 2
    home.leadq("lead", "assign", BIG, BIG)
    assert [home.sql(f"SELECT MIN(id) FROM {table}")[0][0] for table in ("users", "leads", "deliveries")] == [BIG] * 3
