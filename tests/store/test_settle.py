"""How attempts end: a job is in exactly one place, and only its owner moves it."""

from __future__ import annotations

import pytest

from leadq.receipt import Receipt
from leadq.store.deliveries import Deliveries
from leadq.store.outcomes import Completed, Failed, GivenBack, Outcome, Released
from leadq.store.records import ClaimedJob, DeliveryStatus, JobState
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import FAILED, claim, dead_pid, enqueue, enqueue_notification, places, release_orphans, worker

SENT = Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok"))
RELEASED = Released(delay_seconds=60, error="OSError: down")
OUTCOMES: dict[str, Outcome] = {
    "completed": Completed(),
    "sent": SENT,
    "released": RELEASED,
    "given back": GivenBack(reason="the worker was told to stop"),
    "failed": FAILED,
}
every_outcome = pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES.keys())


def delivery_of(store: Store, uuid: str) -> tuple[str, int, str | None, str | None]:
    delivery = store.deliveries.find(uuid)
    assert delivery is not None
    return delivery.status.value, delivery.attempts, delivery.error, delivery.reply


def events_of(store: Store, uuid: str) -> list[tuple[str, int | None, str | None]]:
    return [(event.event, event.attempt, event.detail) for event in store.deliveries.events(uuid)]


def lose_claim(home: Home, store: Store) -> ClaimedJob:
    """A claim whose job has gone to another worker."""
    stale = claim(store, worker_id=worker(store))
    home.sql("UPDATE workers SET pid = ?", dead_pid())
    assert release_orphans(store) == [stale.uuid]
    return stale


@pytest.mark.parametrize(
    ("outcome", "where"),
    [
        (Completed(), {}),
        (SENT, {}),
        (RELEASED, {"jobs": 1}),
        (GivenBack(reason="the worker was told to stop"), {"jobs": 1}),
        (FAILED, {"failed_jobs": 1}),
    ],
    ids=OUTCOMES.keys(),
)
def test_a_settled_job_is_in_exactly_one_place(
    home: Home, store: Store, outcome: Outcome, where: dict[str, int]
) -> None:
    job = enqueue_notification(store)
    assert places(home, job.uuid) == {"jobs": 1}
    claimed = claim(store)
    assert places(home, job.uuid) == {"jobs": 1}
    assert store.settlements.settle(claimed, outcome)
    assert places(home, job.uuid) == where


def test_a_released_job_waits_and_keeps_its_attempts(store: Store, time_now: Clock) -> None:
    job = enqueue_notification(store)
    claimed = claim(store)
    store.settlements.settle(claimed, Released(delay_seconds=59.1, error="OSError: down"))
    row = store.jobs.find(claimed.id)
    assert (row.state, row.attempts, row.available_at, row.reserved_at) == (JobState.DELAYED, 1, NOW + 60, None)
    assert delivery_of(store, job.uuid) == ("queued", 1, "OSError: down", None)
    assert events_of(store, job.uuid) == [("released", 1, "OSError: down")]
    time_now.pass_(60)
    assert claim(store).attempts == 2


def test_a_job_released_without_a_wait_is_due_at_once(store: Store) -> None:
    enqueue(store)
    store.settlements.settle(claim(store), Released(delay_seconds=0, error="x"))
    assert claim(store).attempts == 2


def test_an_attempt_that_is_given_back_does_not_count(store: Store) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), GivenBack(reason="the worker was told to stop"))
    assert delivery_of(store, job.uuid) == ("queued", 0, None, None)
    assert events_of(store, job.uuid) == [("given back", 1, "the worker was told to stop")]
    assert claim(store).attempts == 1


def test_a_failed_job_keeps_everything_that_a_retry_needs(store: Store, time_now: Clock) -> None:
    job = enqueue(store, queue="high", priority=-4)
    store.settlements.settle(claim(store, "high"), FAILED)
    failed = store.failed.find(job.uuid)
    assert (failed.uuid, failed.connection, failed.queue, failed.payload) == (job.uuid, "database", "high", job.payload)
    assert (failed.priority, failed.attempts, failed.failed_at) == (-4, 1, NOW)
    assert (failed.exception, failed.error) == (FAILED.exception, "ValueError: no")


def test_a_failed_notification_says_why(store: Store) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), FAILED)
    assert delivery_of(store, job.uuid) == ("failed", 1, "ValueError: no", None)
    assert events_of(store, job.uuid) == [("failed", 1, "ValueError: no")]


def test_an_accepted_mail_and_the_end_of_its_job_are_recorded_together(store: Store, time_now: Clock) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), SENT)
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert (delivery.status, delivery.message_id, delivery.sent_at) == (DeliveryStatus.SENT, "<a@b>", NOW)
    assert (delivery.reply, delivery.error, delivery.attempts) == ("250 ok", None, 1)


def test_a_mail_sent_at_last_forgets_the_error_of_the_attempt_before(store: Store) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), Released(delay_seconds=0, error="OSError: down"))
    store.settlements.settle(claim(store), SENT)
    assert delivery_of(store, job.uuid) == ("sent", 2, None, "250 ok")


def test_two_jobs_of_one_uuid_both_end_in_the_failed_jobs(home: Home, store: Store) -> None:
    for _ in range(2):
        home.insert_job({"uuid": "twin", "job": "x"})
        assert store.settlements.settle(claim(store), FAILED)
    uuids = [uuid for (uuid,) in home.sql("SELECT uuid FROM failed_jobs ORDER BY id")]
    assert uuids[0] == "twin"
    assert len(set(uuids)) == 2


@every_outcome
def test_settling_twice_changes_nothing_more(home: Home, store: Store, outcome: Outcome) -> None:
    enqueue_notification(store)
    claimed = claim(store)
    assert store.settlements.settle(claimed, outcome)
    before = home.sql("SELECT * FROM jobs"), home.sql("SELECT * FROM failed_jobs"), home.count("delivery_events")
    for late in (RELEASED, FAILED, GivenBack(reason="the worker was told to stop"), Completed()):
        assert not store.settlements.settle(claimed, late)
    after = home.sql("SELECT * FROM jobs"), home.sql("SELECT * FROM failed_jobs"), home.count("delivery_events")
    assert after == before


@every_outcome
def test_a_late_finisher_leaves_the_job_to_its_new_owner(home: Home, store: Store, outcome: Outcome) -> None:
    job = enqueue_notification(store)
    stale = lose_claim(home, store)
    owned = claim(store, worker_id=worker(store))
    row, events = home.sql("SELECT * FROM jobs"), events_of(store, job.uuid)
    assert not store.settlements.settle(stale, outcome)
    assert home.sql("SELECT * FROM jobs") == row
    assert home.count("failed_jobs") == 0
    assert events_of(store, job.uuid) == events
    assert delivery_of(store, job.uuid)[0] == ("sent" if outcome is SENT else "queued")
    assert store.settlements.settle(owned, Completed())


@every_outcome
def test_a_late_finisher_leaves_a_job_alone_that_waits_again(home: Home, store: Store, outcome: Outcome) -> None:
    enqueue_notification(store)
    stale = lose_claim(home, store)
    row = home.sql("SELECT * FROM jobs")
    assert not store.settlements.settle(stale, outcome)
    assert home.sql("SELECT * FROM jobs") == row


@pytest.mark.parametrize(
    "later",
    [FAILED, RELEASED, GivenBack(reason="the worker was told to stop")],
    ids=["failed", "released", "given back"],
)
def test_a_mail_recorded_as_sent_by_a_late_finisher_stays_sent_whatever_the_new_owner_meets(
    home: Home, store: Store, later: Outcome
) -> None:
    job = enqueue_notification(store)
    stale = lose_claim(home, store)
    owned = claim(store, worker_id=worker(store))
    store.settlements.settle(stale, SENT)
    assert store.settlements.settle(owned, later)
    status, _, _, reply = delivery_of(store, job.uuid)
    assert (status, reply) == ("sent", "250 ok")


@pytest.mark.parametrize("outcome", [RELEASED, FAILED], ids=["released", "failed"])
def test_a_notification_that_was_given_up_while_it_ran_stays_so(store: Store, outcome: Outcome) -> None:
    uuid = enqueue_notification(store).uuid
    claimed = claim(store)
    store.deliveries.drop_unsent([uuid], event="dropped")
    store.settlements.settle(claimed, outcome)
    assert delivery_of(store, uuid) == ("dropped", 1, outcome.error, None)


@pytest.mark.parametrize("table", ["failed_jobs", "deliveries", "delivery_events"])
def test_a_failure_in_the_middle_leaves_the_job_where_it_was(home: Home, store: Store, table: str) -> None:
    job = enqueue_notification(store)
    claimed = claim(store)
    verb = "UPDATE" if table == "deliveries" else "INSERT"
    with home.sabotaged(verb, table), pytest.raises(Exception, match="sabotage"):
        store.settlements.settle(claimed, FAILED)
    assert places(home, job.uuid) == {"jobs": 1}
    assert home.count("delivery_events") == 0
    assert delivery_of(store, job.uuid) == ("queued", 0, None, None)
    assert store.settlements.settle(claimed, FAILED)
    assert places(home, job.uuid) == {"failed_jobs": 1}


def test_the_end_of_a_job_and_the_next_claim_are_one_transaction(home: Home, store: Store) -> None:
    first, second = enqueue(store), enqueue(store)
    claimed = claim(store, worker_id=4)
    with home.sabotaged("UPDATE", "jobs"), pytest.raises(Exception, match="sabotage"):
        store.settlements.settle_and_claim(claimed, Completed(), ("default",))
    assert places(home, first.uuid) == {"jobs": 1}
    owned, following = store.settlements.settle_and_claim(claimed, Completed(), ("default",))
    assert owned
    assert following is not None
    assert (following.uuid, following.worker_id) == (second.uuid, 4)
    assert store.settlements.settle_and_claim(following, Completed(), ("default",)) == (True, None)
    assert home.count("jobs") == 0


def test_a_lost_claim_still_gets_the_next_job(home: Home, store: Store) -> None:
    enqueue(store)
    claimed = claim(store)
    home.sql("DELETE FROM jobs")
    following = enqueue(store)
    owned, next_job = store.settlements.settle_and_claim(claimed, Completed(), ("default",))
    assert not owned
    assert next_job is not None
    assert next_job.uuid == following.uuid


def test_a_process_that_dies_before_the_commit_changes_nothing(home: Home, store: Store) -> None:
    job = enqueue(store)
    claimed = claim(store)
    home.database.abandon("DELETE FROM jobs")
    assert places(home, job.uuid) == {"jobs": 1}
    assert store.settlements.settle(claimed, Failed(error="x", exception="x"))


def test_deliveries_of_a_lead_come_in_the_order_in_which_they_were_made(store: Store, time_now: Clock) -> None:
    lead = store.leads.create(name="Bo", email="bo@example.com", user_id=None)
    user = store.users.create(name="Ana", email="ana@example.com")
    uuids = ["c", "a", "b"]
    deliveries: Deliveries = store.deliveries
    for uuid in uuids:
        deliveries.create(uuid=uuid, lead_id=lead.id, user_id=user.id, queued_at=NOW)
    assert [delivery.uuid for delivery in deliveries.of_lead(lead.id)] == uuids
