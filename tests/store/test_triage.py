"""Failed jobs: finding, retrying, forgetting, flushing; and clearing queues."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from leadq.errors import NotFound
from leadq.receipt import Receipt
from leadq.store import failed, jobs
from leadq.store.failed import CHUNK, EVERYTHING, FailedFilter
from leadq.store.jobs import DUE, UNSEEN
from leadq.store.outcomes import Completed
from leadq.store.records import FailedSummary, JobState
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import FAILED, claim, enqueue, enqueue_notification, fail_jobs, failed_ids, places


def insert_failed(
    home: Home,
    uuid: str,
    *,
    queue: str = "default",
    failed_at: int = NOW,
    payload: str = "{}",
    exception: str = "Error: x",
) -> None:
    """A failed job, as Laravel's own columns hold it."""
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " VALUES (?, 'database', ?, ?, ?, ?)",
        uuid,
        queue,
        payload,
        exception,
        failed_at,
    )


# --- retry -----------------------------------------------------------------------------------------


def test_a_retried_job_is_due_under_its_old_uuid_with_no_attempt_spent(
    home: Home, store: Store, time_now: Clock
) -> None:
    job = enqueue(store, queue="high", priority=-4)
    store.settlements.settle(claim(store, "high"), FAILED)
    found = store.failed.find(job.uuid)
    time_now.pass_(100)
    assert store.triage.retry(found.id) == job.uuid
    assert places(home, job.uuid) == {"jobs": 1}
    (row,), _ = store.jobs.listing(limit=9)
    assert (row.uuid, row.queue, row.payload, row.priority) == (job.uuid, "high", job.payload, -4)
    assert (row.attempts, row.available_at, row.state) == (0, NOW + 100, JobState.PENDING)
    assert claim(store, "high").attempts == 1


def test_a_job_that_is_gone_is_not_retried(home: Home, store: Store) -> None:
    (uuid,) = fail_jobs(store, 1)
    found = store.failed.find(uuid)
    assert store.triage.retry(found.id) == uuid
    assert store.triage.retry(found.id) is None
    assert places(home, uuid) == {"jobs": 1}


def test_two_shells_that_retry_the_same_jobs_queue_each_once(home: Home, store: Store) -> None:
    uuids = fail_jobs(store, 120)
    shells = [home.start("retry", "all", "--json") for _ in range(2)]
    results = [home.ended(shell) for shell in shells]
    assert [result.exit_code for result in results] == [0, 0], results
    retried = [uuid for result in results for uuid in result.json["retried"]]
    assert Counter(retried) == Counter(uuids)
    assert Counter(uuid for (uuid,) in home.sql("SELECT uuid FROM jobs")) == Counter(uuids)
    assert home.count("failed_jobs") == 0


def test_two_connections_at_once_move_each_job_once(home: Home, store: Store) -> None:
    fail_jobs(store, 40)
    ids = failed_ids(store, FailedFilter())
    moved: list[str] = []

    def retry() -> None:
        with home.store() as own:
            moved.extend(uuid for failed_id in ids if (uuid := own.triage.retry(failed_id)))

    threads = [threading.Thread(target=retry) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Counter(moved).values()) == [1] * 40
    assert home.count("jobs") == 40


@pytest.mark.parametrize(("verb", "table"), [("INSERT", "jobs"), ("DELETE", "failed_jobs"), ("UPDATE", "deliveries")])
def test_a_retry_that_breaks_off_in_the_middle_leaves_the_job_failed(
    home: Home, store: Store, verb: str, table: str
) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), FAILED)
    found = store.failed.find(job.uuid)
    with home.sabotaged(verb, table), pytest.raises(Exception, match="sabotage"):
        store.triage.retry(found.id)
    assert places(home, job.uuid) == {"failed_jobs": 1}
    assert store.triage.retry(found.id) == job.uuid
    assert places(home, job.uuid) == {"jobs": 1}


def test_a_retry_reopens_the_notification(store: Store) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), FAILED)
    store.triage.retry(store.failed.find(job.uuid).id)
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert delivery.status == "queued"
    assert [event.event for event in store.deliveries.events(job.uuid)] == ["failed", "retried"]


@pytest.mark.parametrize(("force", "status"), [(False, "sent"), (True, "queued")])
def test_a_notification_that_was_sent_is_reopened_by_force_alone(store: Store, force: bool, status: str) -> None:
    job = enqueue_notification(store)
    claimed = claim(store)
    store.settlements.settle(claimed, FAILED)
    store.settlements.settle(claimed, Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok")))
    assert store.triage.retry(store.failed.find(job.uuid).id, force=force) == job.uuid
    delivery = store.deliveries.find(job.uuid)
    assert delivery is not None
    assert delivery.status == status


def retried(store: Store, **options: Any) -> list[str]:
    """Retries everything, as the command does."""
    return [uuid for ids in store.failed.chunks(EVERYTHING) for uuid in store.triage.retry_chunk(ids, **options)]


def test_a_chunk_is_queued_in_the_order_of_its_numbers_with_all_that_each_job_had(
    home: Home, store: Store, time_now: Clock
) -> None:
    stored = [enqueue(store, queue=queue, priority=priority) for queue, priority in (("a", 3), ("b", 0), ("a", -1))]
    for job in stored:
        store.settlements.settle(claim(store, job.queue), FAILED)
    uuids = [uuid for (uuid,) in home.sql("SELECT uuid FROM failed_jobs ORDER BY id")]
    assert store.triage.retry_chunk([1, 2, 3, 99]) == uuids
    assert [uuid for (uuid,) in home.sql("SELECT uuid FROM jobs ORDER BY id")] == uuids
    kept = {
        uuid: (queue, payload, priority)
        for uuid, queue, payload, priority in home.sql(
            "SELECT uuid, queue, payload, priority FROM jobs WHERE attempts = 0 AND stage = 1 AND worker_id IS NULL"
        )
    }
    assert kept == {job.uuid: (job.queue, job.payload, job.priority) for job in stored}
    assert home.count("failed_jobs") == 0


def test_a_chunk_is_queued_as_it_is_named_each_job_at_its_time(home: Home, store: Store, time_now: Clock) -> None:
    uuids = fail_jobs(store, 5)
    order, due = [4, 5, 1, 2, 3], {4: NOW, 5: NOW, 1: NOW + 60, 2: NOW, 3: NOW}
    assert store.triage.retry_chunk(order, available_at=due) == [uuids[number - 1] for number in order]
    assert home.sql("SELECT uuid, available_at FROM jobs ORDER BY id") == [
        (uuids[number - 1], due[number]) for number in order
    ]
    assert [state for (state,) in home.sql("SELECT stage FROM jobs ORDER BY id")] == [DUE, DUE, UNSEEN, DUE, DUE]
    time_now.pass_(60)
    assert sorted(claim(store).uuid for _ in order) == sorted(uuids)


def test_an_empty_chunk_moves_nothing(home: Home, store: Store) -> None:
    assert store.triage.retry_chunk([]) == []
    assert store.triage.forget_chunk([]) == 0
    assert store.triage.retry_chunk([7, 8]) == []
    assert home.count("jobs") == 0


@pytest.mark.parametrize("force", [False, True])
def test_a_chunk_reopens_the_notifications_that_did_not_go_out_and_no_others(store: Store, force: bool) -> None:
    sent, failed, dropped = (enqueue_notification(store) for _ in range(3))
    for job in (sent, failed, dropped):
        claimed = claim(store)
        if job is dropped:
            store.deliveries.drop_unsent([job.uuid], event="reassigned")
        store.settlements.settle(claimed, FAILED)
        if job is sent:
            store.settlements.settle(claimed, Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok")))
    assert set(retried(store, force=force)) == {sent.uuid, failed.uuid, dropped.uuid}
    statuses = [found.status for job in (sent, failed, dropped) if (found := store.deliveries.find(job.uuid))]
    assert statuses == ["queued" if force else "sent", "queued", "dropped"]
    told = [[event.event for event in store.deliveries.events(job.uuid)] for job in (sent, failed, dropped)]
    assert [events.count("retried") for events in told] == [int(force), 1, 0]


@pytest.mark.parametrize(("verb", "table"), [("INSERT", "jobs"), ("DELETE", "failed_jobs"), ("UPDATE", "deliveries")])
def test_a_chunk_that_breaks_off_in_the_middle_leaves_all_its_jobs_failed(
    home: Home, store: Store, verb: str, table: str
) -> None:
    uuids = [enqueue_notification(store).uuid for _ in range(3)]
    for _ in uuids:
        store.settlements.settle(claim(store), FAILED)
    with home.sabotaged(verb, table), pytest.raises(Exception, match="sabotage"):
        store.triage.retry_chunk([1, 2, 3], available_at={3: NOW})
    assert [places(home, uuid) for uuid in uuids] == [{"failed_jobs": 1}] * 3
    assert home.sql("SELECT COUNT(*) FROM delivery_events WHERE event = 'retried'") == [(0,)]
    assert retried(store) == uuids


def test_two_connections_that_move_the_same_chunks_move_each_job_once(home: Home, store: Store) -> None:
    uuids = fail_jobs(store, 60)
    moved: list[str] = []

    def retry() -> None:
        with home.store() as own:
            for start in range(1, 61, 7):
                moved.extend(own.triage.retry_chunk(list(range(start, min(start + 7, 61)))))

    threads = [threading.Thread(target=retry) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(moved) == Counter(uuids)
    assert Counter(uuid for (uuid,) in home.sql("SELECT uuid FROM jobs")) == Counter(uuids)
    assert home.count("failed_jobs") == 0


# --- find ------------------------------------------------------------------------------------------


@pytest.fixture
def three(home: Home) -> None:
    """Failed jobs 1, 2 and 3."""
    for uuid in ("4f1c-aaaa", "4f1d-bbbb", "12345678"):
        insert_failed(home, uuid)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("reference", "failed_id"),
    [("1", 1), ("3", 3), ("4f1c-aaaa", 1), ("4f1c", 1), ("4F1D", 2), ("4f1d-b", 2), ("12345678", 3), ("1234", 3)],
)
def test_a_failed_job_is_found_by_number_uuid_or_the_beginning_of_its_uuid(
    store: Store, reference: str, failed_id: int
) -> None:
    assert store.failed.find(reference).id == failed_id


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("reference", ["4f1", "4"])
def test_a_beginning_that_fits_several_is_ambiguous(store: Store, reference: str) -> None:
    with pytest.raises(NotFound, match=f"^more than one failed job begins with '{reference}'$"):
        store.failed.find(reference)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("reference", ["", "99", "x", "%", "____", "4f1c-aaaa-more", "1e0", "٣", "9" * 30, "\udcff"])
def test_what_fits_none_is_not_found(store: Store, reference: str) -> None:
    with pytest.raises(NotFound, match=r"^no failed job has the id "):
        store.failed.find(reference)


def test_a_whole_uuid_beats_the_longer_ones_that_begin_with_it(home: Home, store: Store) -> None:
    insert_failed(home, "abc")
    insert_failed(home, "abcdef")
    assert store.failed.find("abc").id == 1


def test_a_uuid_in_capitals_from_another_program_is_found_as_written(home: Home, store: Store) -> None:
    insert_failed(home, "ABC-1")
    assert store.failed.find("ABC-1").id == 1


# --- choose ----------------------------------------------------------------------------------------


def test_the_newest_failed_jobs_are_listed_first_with_the_total(home: Home, store: Store) -> None:
    for number in range(1, 6):
        insert_failed(home, str(number), queue="odd" if number % 2 else "even")
    jobs, total = store.failed.listing(limit=2)
    assert ([job.id for job in jobs], total) == ([5, 4], 5)
    jobs, total = store.failed.listing(FailedFilter(queues=("even",)), limit=9)
    assert ([job.id for job in jobs], total) == ([4, 2], 2)


def test_a_list_tells_each_job_with_whom_it_was_about(home: Home, store: Store) -> None:
    job = enqueue_notification(store)
    store.settlements.settle(claim(store), FAILED)
    insert_failed(home, "foreign", failed_at=1)
    (foreign, own), total = store.failed.listing(limit=9)
    assert total == 2
    assert own == FailedSummary(
        id=1,
        uuid=job.uuid,
        connection="database",
        queue="default",
        payload=job.payload,
        error="ValueError: no",
        attempts=1,
        failed_at=own.failed_at,
        lead_id=1,
        user_id=1,
    )
    assert (foreign.error, foreign.attempts, foreign.lead_id, foreign.user_id) == ("Error: x", 0, None, None)


def test_failed_jobs_are_told_page_by_page_whatever_chunks_they_are_read_in(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed, "CHUNK", 2)
    for number in range(1, 8):
        insert_failed(home, str(number), payload='{"job": "odd"}' if number % 2 else "{}")
    for offset in range(9):
        jobs, total = store.failed.listing(limit=3, offset=offset)
        assert ([job.id for job in jobs], total) == (list(range(7, 0, -1))[offset : offset + 3], 7)
    jobs, total = store.failed.listing(FailedFilter(job="odd"), limit=2, offset=1)
    assert ([job.id for job in jobs], total) == ([5, 3], 4)


def test_a_job_that_is_gone_when_it_would_be_told_is_left_out(home: Home, store: Store) -> None:
    fail_jobs(store, 3)
    jobs, _ = store.failed.listing(limit=9)
    store.triage.forget(2)
    assert [job.id for job in jobs] == [3, 1]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (FailedFilter(queues=("even", "odd")), [1, 2, 3]),
        (FailedFilter(job="Send"), [1]),
        (FailedFilter(job="Shown"), [2]),
        (FailedFilter(job="hidden"), [2]),
        (FailedFilter(job="?"), []),
        (FailedFilter(error="ERROR: x"), [1, 2, 3]),
        (FailedFilter(error="100%"), [2]),
        (FailedFilter(error="100_"), []),
        (FailedFilter(error="\\"), [2]),
        (FailedFilter(error="'"), [2]),
        (FailedFilter(error="ÄRGER"), [3]),
        (FailedFilter(error="ärger", job="Send"), []),
        (FailedFilter(failed_since=NOW), [2, 3]),
        (FailedFilter(failed_since=NOW, failed_before=NOW), [2]),
        (FailedFilter(user_id=1), []),
    ],
    ids=repr,
)
def test_filters_look_at_names_errors_and_times(home: Home, store: Store, chosen: FailedFilter, ids: list[int]) -> None:
    insert_failed(home, "1", payload='{"job": "Send"}', failed_at=NOW - 1, queue="odd")
    insert_failed(
        home, "2", payload='{"job": "hidden", "displayName": "Shown"}', exception="Error: x\n100% 'a\\b'", queue="even"
    )
    insert_failed(home, "3", payload="\x00 no JSON", exception="Error: x Ärger", failed_at=NOW + 1, queue="odd")
    assert failed_ids(store, chosen) == ids
    assert store.failed.count(chosen) == len(ids)


def test_a_users_failed_notifications_are_those_of_the_delivery(home: Home, store: Store) -> None:
    for _ in range(3):
        enqueue_notification(store)
    for _ in range(3):
        store.settlements.settle(claim(store), FAILED)
    insert_failed(home, "foreign")
    assert failed_ids(store, FailedFilter(user_id=2)) == [2]
    assert store.failed.count(FailedFilter(user_id=4)) == 0


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (FailedFilter(), [1, 2, 3, 4, 5, 6]),
        (FailedFilter(queues=("even",)), [2, 4, 6]),
        (FailedFilter(ranges=((2, 4),)), [2, 3, 4]),
        (FailedFilter(ranges=((4, 2),)), [2, 3, 4]),
        (FailedFilter(ranges=((1, 1), (5, 9))), [1, 5, 6]),
        (FailedFilter(queues=("even",), ranges=((1, 4),)), [2, 4]),
        (FailedFilter(failed_before=NOW + 2), [1, 2]),
        (FailedFilter(queues=("none",)), []),
    ],
)
def test_filters_narrow_the_failed_jobs_together(
    home: Home, store: Store, chosen: FailedFilter, ids: list[int]
) -> None:
    for number in range(1, 7):
        insert_failed(home, str(number), queue="odd" if number % 2 else "even", failed_at=NOW + number)
    assert failed_ids(store, chosen) == ids


def test_more_than_a_chunk_of_failed_jobs_is_gone_through_once(home: Home, store: Store) -> None:
    home.sql(
        "INSERT INTO failed_jobs (uuid, connection, queue, payload, exception, failed_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " SELECT 'u' || i, 'database', 'default', '{}', 'x', 0 FROM n",
        2 * CHUNK + 1,
    )
    seen = []
    for failed_id in failed_ids(store, FailedFilter()):
        seen.append(failed_id)
        if len(seen) == 1:
            insert_failed(home, "failed meanwhile")
    assert seen == list(range(1, 2 * CHUNK + 2))
    assert store.triage.flush() == 2 * CHUNK + 2


# --- forget, flush ---------------------------------------------------------------------------------


def test_a_forgotten_job_is_gone_and_the_others_are_not(home: Home, store: Store) -> None:
    first, second = fail_jobs(store, 2)
    found = store.failed.find(first)
    assert store.triage.forget(found.id)
    assert not store.triage.forget(found.id)
    assert places(home, first) == {}
    assert places(home, second) == {"failed_jobs": 1}


def test_flush_takes_what_failed_at_or_before_a_time(home: Home, store: Store) -> None:
    for failed_at in (NOW - 1, NOW, NOW + 1):
        insert_failed(home, str(failed_at), failed_at=failed_at)
    assert store.triage.flush(failed_before=NOW) == 2
    assert home.sql("SELECT failed_at FROM failed_jobs") == [(NOW + 1,)]
    assert store.triage.flush() == 1
    assert store.triage.flush() == 0


# --- clear -----------------------------------------------------------------------------------------


def test_clear_takes_pending_and_delayed_jobs_and_leaves_reserved_ones(home: Home, store: Store) -> None:
    for queue, delay in (("a", 0), ("a", 0), ("a", 900), ("b", 0)):
        enqueue(store, queue=queue, delay=delay)
    home.insert_job({"job": "x"}, queue="a")
    held = claim(store, "a")
    assert store.jobs.clear(("a",)) == (3, 1)
    assert home.sql("SELECT id FROM jobs WHERE queue = 'a'") == [(held.id,)]
    assert store.jobs.clear(()) == (1, 1)
    assert store.jobs.clear((), reserved=True) == (1, 0)
    assert home.count("jobs") == 0


def test_clear_deletes_more_than_a_transactions_worth_and_leaves_what_comes_meanwhile(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CHUNK", 2)
    for _ in range(5):
        enqueue(store)
    drop = store.deliveries.drop_unsent

    def drop_and_enqueue(uuids: list[str], *, event: str) -> None:
        drop(uuids, event=event)
        enqueue(store)

    monkeypatch.setattr(store.deliveries, "drop_unsent", drop_and_enqueue)
    assert store.jobs.clear(()) == (5, 0)
    assert home.count("jobs") == 3  # one for each chunk


def test_clear_leaves_what_a_worker_has_taken_since_it_looked(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CHUNK", 1)
    first = enqueue(store)
    second = enqueue(store, priority=-1)
    drop = store.deliveries.drop_unsent
    taken: list[int] = []

    def drop_and_claim(uuids: list[str], *, event: str) -> None:
        drop(uuids, event=event)
        if not taken:
            taken.append(claim(store).id)

    monkeypatch.setattr(store.deliveries, "drop_unsent", drop_and_claim)
    assert store.jobs.clear(()) == (1, 1)
    assert [places(home, uuid) for uuid in (first.uuid, second.uuid)] == [{}, {"jobs": 1}]
    assert home.sql("SELECT id FROM jobs") == [(taken[0],)]


def test_clear_drops_the_notifications_of_what_it_deletes_and_no_others(store: Store) -> None:
    held, cleared = enqueue_notification(store), enqueue_notification(store)
    claim(store)
    assert store.jobs.clear(("default",)) == (1, 1)
    statuses = [delivery.status for job in (held, cleared) if (delivery := store.deliveries.find(job.uuid))]
    assert statuses == ["queued", "dropped"]
    assert [event.event for event in store.deliveries.events(cleared.uuid)] == ["cleared"]
    assert store.deliveries.events(held.uuid) == []


def test_clear_leaves_failed_jobs_alone(home: Home, store: Store) -> None:
    (uuid,) = fail_jobs(store, 1)
    assert store.jobs.clear((), reserved=True) == (0, 0)
    assert places(home, uuid) == {"failed_jobs": 1}
