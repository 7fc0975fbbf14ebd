"""Batches: their counters are right wherever their jobs come and go, and they are cancelled and pruned."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from leadq.errors import NotFound
from leadq.leads import NewLead, Routing, assign_lead, create_lead
from leadq.payload import new_uuid
from leadq.receipt import Receipt
from leadq.store import batches, jobs
from leadq.store.failed import FailedFilter
from leadq.store.outcomes import Completed, GivenBack, Released
from leadq.store.records import NewJob
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import FAILED, claim, dead_pid, enqueue_notification, failed_ids, release_orphans, worker

DONE = Completed()
RELEASED = Released(delay_seconds=0, error="OSError: down")


def fill(store: Store, batch_id: str, count: int, *, queue: str = "default", delay: int = 0) -> list[NewJob]:
    """Stores jobs of a batch and counts them there."""

    def add() -> list[NewJob]:
        now = store.now()
        new = [
            NewJob(
                uuid=new_uuid(),
                queue=queue,
                payload='{"job": "Own", "data": {}}',
                available_at=now + delay,
                created_at=now,
                batch_id=batch_id,
            )
            for _ in range(count)
        ]
        for job in new:
            store.jobs.enqueue(job)
        store.batches.add(batch_id, count)
        return new

    return store.transact(add)


def batch_of(store: Store, count: int) -> str:
    """A batch with so many jobs."""
    batch_id = store.batches.create(name="import")
    fill(store, batch_id, count)
    return batch_id


def counters(store: Store, batch_id: str) -> tuple[int, int, int]:
    """How many jobs of a batch there are in all, pending and failed."""
    batch = store.batches.find(batch_id)
    assert (batch.finished_at is not None) is (batch.pending_jobs == 0)
    return batch.total_jobs, batch.pending_jobs, batch.failed_jobs


# --- fill ------------------------------------------------------------------------------------------


def test_a_batch_begins_without_jobs_and_is_not_finished(home: Home, store: Store, time_now: Clock) -> None:
    batch_id = store.batches.create(name="leads.csv", options={"file": "leads.csv"})
    batch = store.batches.find(batch_id)
    assert (batch.id, batch.name, batch.created_at, batch.finished_at) == (batch_id, "leads.csv", NOW, None)
    assert (batch.total_jobs, batch.pending_jobs, batch.failed_jobs, batch.progress) == (0, 0, 0, 0)
    assert home.sql("SELECT failed_job_ids, options FROM job_batches") == [("[]", '{"file": "leads.csv"}')]


def test_a_batch_that_gets_no_job_finishes_when_it_is_closed(store: Store, time_now: Clock) -> None:
    batch_id = store.batches.create(name="empty")
    store.batches.add(batch_id, 0)
    assert store.batches.find(batch_id).finished_at is None
    store.batches.close(batch_id)
    time_now.pass_(5)
    store.batches.close(batch_id)
    batch = store.batches.find(batch_id)
    assert (batch.finished_at, batch.progress) == (NOW, 100)


def test_closing_a_batch_with_pending_jobs_leaves_it_to_the_last_of_them(store: Store, time_now: Clock) -> None:
    batch_id = batch_of(store, 1)
    store.batches.close(batch_id)
    assert store.batches.find(batch_id).finished_at is None
    time_now.pass_(5)
    store.settlements.settle(claim(store), DONE)
    assert store.batches.find(batch_id).finished_at == NOW + 5


def test_a_batch_that_is_drained_while_it_is_filled_goes_on(store: Store) -> None:
    batch_id = batch_of(store, 1)
    store.settlements.settle(claim(store), DONE)
    assert store.batches.find(batch_id).finished_at is not None
    fill(store, batch_id, 2)
    batch = store.batches.find(batch_id)
    assert (batch.finished_at, batch.total_jobs, batch.pending_jobs, batch.progress) == (None, 3, 2, 33)


def test_jobs_that_are_rolled_back_are_not_counted(home: Home, store: Store) -> None:
    batch_id = store.batches.create(name="import")

    def fill_and_break() -> None:
        fill(store, batch_id, 3)
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        store.transact(fill_and_break)
    assert (store.batches.find(batch_id).total_jobs, home.count("jobs")) == (0, 0)


def test_a_name_that_no_column_has_room_for_is_cut(store: Store) -> None:
    assert store.batches.find(store.batches.create(name="é" * 300 + "\udcff")).name == "é" * batches.NAME_LIMIT
    assert store.batches.find(store.batches.create(name="half\udcff")).name == "half?"


def test_a_leads_notification_belongs_to_the_batch_that_its_routing_names(home: Home, store: Store) -> None:
    store.users.create(name="Ana", email="ana@example.com")
    batch_id = store.batches.create(name="import")
    create_lead(
        store,
        NewLead(name="Bo", email="bo@example.com"),
        routing=Routing(default_queue="default", batch_id=batch_id),
    )
    assert home.sql("SELECT batch_id FROM jobs") == [(batch_id,)]


# --- the counters ----------------------------------------------------------------------------------


def test_each_end_of_an_attempt_counts_as_what_it_is(store: Store) -> None:
    batch_id = batch_of(store, 3)
    store.settlements.settle(claim(store), RELEASED)
    store.settlements.settle(claim(store), GivenBack(reason="stop"))
    assert counters(store, batch_id) == (3, 3, 0)
    store.settlements.settle(claim(store), FAILED)
    assert counters(store, batch_id) == (3, 2, 1)
    store.settlements.settle(claim(store), Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok")))
    assert counters(store, batch_id) == (3, 1, 1)
    store.settlements.settle(claim(store), FAILED)
    assert counters(store, batch_id) == (3, 0, 2)


def test_a_batch_with_failures_finishes_and_says_how_many(store: Store, time_now: Clock) -> None:
    batch_id = batch_of(store, 2)
    store.settlements.settle(claim(store), FAILED)
    assert store.batches.find(batch_id).progress == 50
    time_now.pass_(7)
    store.settlements.settle(claim(store), FAILED)
    batch = store.batches.find(batch_id)
    assert (batch.progress, batch.failed_jobs, batch.finished_at) == (100, 2, NOW + 7)


def test_an_end_that_is_recorded_along_with_the_next_claim_counts(store: Store) -> None:
    first, second = batch_of(store, 1), batch_of(store, 1)
    _, following = store.settlements.settle_and_claim(claim(store), DONE, ("default",))
    assert following is not None
    assert following.batch_id == second
    assert (counters(store, first), counters(store, second)) == ((1, 0, 0), (1, 1, 0))


@pytest.mark.parametrize("outcome", [DONE, FAILED], ids=["completed", "failed"])
def test_an_end_that_nobody_owns_any_more_does_not_count(home: Home, store: Store, outcome: object) -> None:
    batch_id = batch_of(store, 1)
    stale = claim(store, worker_id=worker(store))
    home.sql("UPDATE workers SET pid = ?", dead_pid())
    assert release_orphans(store) == [stale.uuid]
    assert not store.settlements.settle(stale, outcome)  # type: ignore[arg-type]
    assert counters(store, batch_id) == (1, 1, 0)
    again = claim(store)
    assert store.settlements.settle(again, DONE)
    assert not store.settlements.settle(again, DONE)
    assert counters(store, batch_id) == (1, 0, 0)


@pytest.mark.parametrize("outcome", [DONE, FAILED], ids=["completed", "failed"])
def test_an_end_and_its_count_are_recorded_together_or_not_at_all(home: Home, store: Store, outcome: object) -> None:
    batch_id = batch_of(store, 1)
    claimed = claim(store)
    with home.sabotaged("UPDATE", "job_batches"), pytest.raises(Exception, match="sabotage"):
        store.settlements.settle(claimed, outcome)  # type: ignore[arg-type]
    assert counters(store, batch_id) == (1, 1, 0)
    assert (home.count("jobs"), home.count("failed_jobs")) == (1, 0)


def test_a_retried_job_is_pending_again_and_failed_no_more(store: Store) -> None:
    batch_id = batch_of(store, 2)
    for _ in range(2):
        store.settlements.settle(claim(store), FAILED)
    ids = failed_ids(store, FailedFilter(batch_id=batch_id))
    store.triage.retry(ids[0])
    assert counters(store, batch_id) == (2, 1, 1)
    store.triage.retry(ids[0])
    assert counters(store, batch_id) == (2, 1, 1)
    again = claim(store)
    assert again.batch_id == batch_id
    store.settlements.settle(again, DONE)
    assert counters(store, batch_id) == (2, 0, 1)


def test_a_failed_job_that_is_forgotten_has_failed_all_the_same(store: Store) -> None:
    batch_id = batch_of(store, 2)
    for _ in range(2):
        store.settlements.settle(claim(store), FAILED)
    first, _ = failed_ids(store, FailedFilter(batch_id=batch_id))
    store.triage.forget(first)
    store.triage.flush()
    assert counters(store, batch_id) == (2, 0, 2)
    assert store.batches.failed_job_ids(batch_id) == []


def test_the_failed_jobs_of_a_batch_are_told_oldest_first(store: Store) -> None:
    batch_id, other = batch_of(store, 3), batch_of(store, 1)
    failed = []
    for _ in range(4):
        claimed = claim(store)
        failed.append(claimed.uuid)
        store.settlements.settle(claimed, FAILED)
    assert store.batches.failed_job_ids(batch_id) == failed[:3]
    assert store.batches.failed_job_ids(other) == failed[3:]


def test_cleared_jobs_are_pending_no_more(store: Store) -> None:
    first, second = batch_of(store, 2), batch_of(store, 1)
    fill(store, second, 1, queue="other")
    enqueue_notification(store)
    claim(store)
    assert store.jobs.clear(("default",)) == (3, 1)
    assert (counters(store, first), counters(store, second)) == ((2, 1, 0), (2, 1, 0))
    store.jobs.clear((), reserved=True)
    assert (counters(store, first), counters(store, second)) == ((2, 0, 0), (2, 0, 0))


def test_a_notification_that_is_dropped_since_its_lead_is_reassigned_is_pending_no_more(store: Store) -> None:
    for name in ("ana", "bea"):
        store.users.create(name=name, email=f"{name}@example.com")
    batch_id = store.batches.create(name="import")
    routing = Routing(default_queue="default", batch_id=batch_id)
    lead = create_lead(store, NewLead(name="Bo", email="bo@example.com"), user="ana@example.com", routing=routing)
    store.batches.add(batch_id, 1)
    assign_lead(store, lead.lead.id, "bea@example.com", routing=replace(routing, batch_id=None))
    assert counters(store, batch_id) == (1, 0, 0)
    assert claim(store).batch_id is None


def test_jobs_of_no_batch_and_of_one_that_is_gone_change_none(home: Home, store: Store) -> None:
    batch_id = batch_of(store, 1)
    fill(store, "gone", 2)
    enqueue_notification(store)
    assert store.settlements.settle(claim(store), DONE)
    for outcome in (DONE, FAILED, FAILED):
        assert store.settlements.settle(claim(store), outcome)
    for failed_id in failed_ids(store, FailedFilter()):
        assert store.triage.retry(failed_id)
    assert counters(store, batch_id) == (1, 0, 0)
    assert home.count("job_batches") == 1


def test_connections_that_end_jobs_at_once_count_each_once(home: Home, store: Store) -> None:
    batch_id = batch_of(store, 60)
    problems: list[BaseException] = []

    def work(number: int) -> None:
        with home.store() as own:
            held = own.claims.claim(("default",), number)
            while held is not None:
                outcome = FAILED if held.id % 3 == 0 else DONE
                _, held = own.settlements.settle_and_claim(held, outcome, ("default",))

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        fill(store, batch_id, 6)
    for thread in threads:
        thread.join()
    assert problems == []
    work(9)
    failed = home.count("failed_jobs")
    assert counters(store, batch_id) == (90, 0, failed)
    assert failed == 30


# --- look ------------------------------------------------------------------------------------------


def insert_batch(home: Home, batch_id: str, *, created_at: int = NOW) -> None:
    """A batch as another program makes it."""
    home.sql(
        "INSERT INTO job_batches (id, name, total_jobs, pending_jobs, failed_jobs, failed_job_ids, created_at)"
        " VALUES (?, 'theirs', 0, 0, 0, '[]', ?)",
        batch_id,
        created_at,
    )


@pytest.mark.parametrize(
    ("reference", "found"), [("4f1c-aaaa", "4f1c-aaaa"), ("4f1c", "4f1c-aaaa"), ("4F1D", "4f1d-bbbb"), ("ABC", "ABC")]
)
def test_a_batch_is_found_by_its_id_or_the_beginning_of_it(
    home: Home, store: Store, reference: str, found: str
) -> None:
    for batch_id in ("4f1c-aaaa", "4f1d-bbbb", "ABC"):
        insert_batch(home, batch_id)
    assert store.batches.find(reference).id == found


def test_a_whole_id_beats_the_longer_ones_that_begin_with_it(home: Home, store: Store) -> None:
    for batch_id in ("abc", "abcd"):
        insert_batch(home, batch_id)
    assert store.batches.find("abc").id == "abc"


@pytest.mark.parametrize("reference", ["", "x", "%", "____", "4f1c-aaaa-more", "\udcff", "9" * 300])
def test_what_fits_no_batch_is_not_found(home: Home, store: Store, reference: str) -> None:
    insert_batch(home, "4f1c-aaaa")
    with pytest.raises(NotFound, match=r"^no batch has the id "):
        store.batches.find(reference)


def test_a_beginning_that_fits_several_batches_is_ambiguous(home: Home, store: Store) -> None:
    for batch_id in ("4f1c", "4f1d"):
        insert_batch(home, batch_id)
    with pytest.raises(NotFound, match=r"^more than one batch begins with '4f1'$"):
        store.batches.find("4f1")


def test_the_newest_batches_are_listed_first_with_the_total(home: Home, store: Store) -> None:
    for number in (3, 1, 2):
        insert_batch(home, f"b{number}", created_at=NOW + number)
    listed, total = store.batches.listing(limit=2)
    assert ([batch.id for batch in listed], total) == (["b3", "b2"], 3)


# --- cancel ----------------------------------------------------------------------------------------


def test_cancelling_deletes_what_waits_and_leaves_what_runs(home: Home, store: Store, time_now: Clock) -> None:
    batch_id, other = batch_of(store, 3), batch_of(store, 1)
    fill(store, batch_id, 1, delay=900)
    held = claim(store)
    assert store.batches.cancel(batch_id) == 3
    assert home.sql("SELECT id, batch_id FROM jobs ORDER BY id") == [(held.id, batch_id), (4, other)]
    batch = store.batches.find(batch_id)
    assert (batch.cancelled_at, batch.finished_at, batch.progress) == (NOW, None, 75)
    time_now.pass_(5)
    store.settlements.settle(held, DONE)
    batch = store.batches.find(batch_id)
    assert (batch.cancelled_at, batch.finished_at, batch.progress) == (NOW, NOW + 5, 100)
    assert counters(store, other) == (1, 1, 0)


def test_a_running_job_of_a_cancelled_batch_keeps_its_further_attempts(store: Store) -> None:
    batch_id = batch_of(store, 1)
    held = claim(store)
    assert store.batches.cancel(batch_id) == 0
    store.settlements.settle(held, RELEASED)
    assert claim(store).attempts == 2
    assert counters(store, batch_id) == (1, 1, 0)


def test_cancelling_once_more_takes_what_has_come_since(store: Store, time_now: Clock) -> None:
    batch_id = batch_of(store, 1)
    store.settlements.settle(claim(store), FAILED)
    assert store.batches.cancel(batch_id) == 0
    time_now.pass_(5)
    fill(store, batch_id, 2)
    store.triage.retry(1)
    assert counters(store, batch_id) == (3, 3, 0)
    assert store.batches.cancel(batch_id) == 3
    assert store.batches.find(batch_id).cancelled_at == NOW
    assert counters(store, batch_id) == (3, 0, 0)


def test_cancelling_finishes_a_batch_without_jobs(store: Store, time_now: Clock) -> None:
    batch_id = store.batches.create(name="empty")
    assert store.batches.cancel(batch_id) == 0
    batch = store.batches.find(batch_id)
    assert (batch.cancelled_at, batch.finished_at) == (NOW, NOW)


def test_cancelling_drops_the_notifications_of_what_it_deletes(home: Home, store: Store) -> None:
    batch_id = store.batches.create(name="import")
    job = enqueue_notification(store)
    home.sql("UPDATE jobs SET batch_id = ?", batch_id)
    store.batches.add(batch_id, 1)
    assert store.batches.cancel(batch_id) == 1
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert delivery.status == "dropped"
    assert [event.event for event in store.deliveries.events(job.uuid)] == ["cancelled"]


def test_a_batch_of_more_than_a_transactions_worth_is_cancelled_whole(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CHUNK", 2)
    batch_id = batch_of(store, 7)
    assert store.batches.cancel(batch_id) == 7
    assert counters(store, batch_id) == (7, 0, 0)
    assert home.count("jobs") == 0


# --- prune -----------------------------------------------------------------------------------------


@pytest.fixture
def four(store: Store, time_now: Clock) -> dict[str, str]:
    """Made at NOW: finished at NOW + 10, unfinished, cancelled and finished at once, cancelled while a job runs."""
    made = {
        "cancelled": store.batches.create(name="cancelled"),
        "running": batch_of(store, 1),
        "finished": batch_of(store, 1),
        "unfinished": batch_of(store, 1),
    }
    claim(store)
    for name in ("cancelled", "running"):
        store.batches.cancel(made[name])
    time_now.pass_(10)
    store.settlements.settle(claim(store), DONE)
    return made


def left(store: Store, made: dict[str, str]) -> set[str]:
    listed, _ = store.batches.listing(limit=9)
    return {name for name, batch_id in made.items() if batch_id in {batch.id for batch in listed}}


@pytest.mark.parametrize(
    ("before", "remain"),
    [
        (NOW - 1, {"cancelled", "running", "finished", "unfinished"}),
        (NOW, {"running", "finished", "unfinished"}),
        (NOW + 10, {"running", "unfinished"}),
    ],
)
def test_finished_batches_are_pruned_by_when_they_finished(
    store: Store, four: dict[str, str], before: int, remain: set[str]
) -> None:
    assert store.batches.prune_finished(before) == 4 - len(remain)
    assert left(store, four) == remain


def test_unfinished_and_cancelled_batches_are_pruned_by_when_they_were_made(store: Store, four: dict[str, str]) -> None:
    assert (store.batches.prune_cancelled(NOW - 1), store.batches.prune_unfinished(NOW - 1)) == (0, 0)
    assert store.batches.prune_cancelled(NOW) == 2
    assert left(store, four) == {"finished", "unfinished"}
    assert store.batches.prune_unfinished(NOW) == 1
    assert left(store, four) == {"finished"}


def test_pruning_leaves_the_jobs_and_they_run(home: Home, store: Store) -> None:
    batch_id = batch_of(store, 2)
    assert store.batches.prune_unfinished(store.now()) == 1
    store.settlements.settle(claim(store), FAILED)
    store.triage.retry(1)
    for _ in range(2):
        assert store.settlements.settle(claim(store), DONE)
    assert (home.count("jobs"), home.count("failed_jobs")) == (0, 0)
    with pytest.raises(NotFound):
        store.batches.find(batch_id)


def test_more_than_a_transactions_worth_of_batches_is_pruned(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 2)
    for number in range(5):
        insert_batch(home, str(number))
    assert store.batches.prune_unfinished(NOW) == 5
