"""Workers that claim at the same moment: row locks, and what they do where the server cannot pass over locked rows."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from leadq.store import dialect
from leadq.store.outcomes import Completed, Outcome, Released
from leadq.store.records import JobState
from leadq.store.store import Store
from tests.homes import Home, eventually
from tests.store.conftest import FAILED, claim, enqueue, enqueue_notification

pytestmark = pytest.mark.mariadb_only("row locks")


class GivesUp(Exception):
    """What makes a transaction roll back."""


def give_up() -> None:
    raise GivesUp


def waits_so_far(home: Home) -> int:
    """How often a statement has waited for a row since the server started."""
    return int(home.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")[0][1])


def waits_now(home: Home) -> int:
    """How many statements wait for a row."""
    return int(home.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0][1])


def claimed_elsewhere(home: Home) -> str:
    """The uuid that a worker of another process claims."""
    with home.store() as store:
        return claim(store, worker_id=2).uuid


@pytest.fixture
def without_skip_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that are opened from now on take the server for an old one."""
    monkeypatch.setattr(dialect, "skips_locked_rows", lambda version: False)


@pytest.mark.parametrize("priorities", [(0, 0, 0), (2, 1, 0), (0, 2, 1)])
def test_a_worker_passes_over_the_row_that_another_one_is_about_to_claim(
    home: Home, store: Store, other_store: Store, priorities: tuple[int, ...]
) -> None:
    jobs = sorted((enqueue(store, priority=priority) for priority in priorities), key=lambda job: job.priority)
    uuids = [job.uuid for job in jobs]
    waits = waits_so_far(home)

    def claim_two() -> list[str]:
        return [claim(store, worker_id=1).uuid, claim(other_store, worker_id=2).uuid]

    assert store.transact(claim_two) == uuids[:2]
    assert waits_so_far(home) == waits
    assert set(home.sql("SELECT uuid, worker_id FROM jobs WHERE stage = 2")) == {(uuids[0], 1), (uuids[1], 2)}
    assert claim(other_store).uuid == uuids[2]


def test_workers_on_different_queues_do_not_meet(home: Home, store: Store, other_store: Store) -> None:
    default, high = enqueue(store).uuid, enqueue(store, queue="high").uuid
    waits = waits_so_far(home)

    def claim_two() -> list[str]:
        return [claim(store, "high").uuid, claim(other_store, "default").uuid]

    assert store.transact(claim_two) == [high, default]
    assert waits_so_far(home) == waits


@pytest.mark.parametrize(
    "outcome",
    [Completed(), Released(delay_seconds=0, error="x"), Released(delay_seconds=60, error="x"), FAILED],
    ids=["completed", "released", "put off", "failed"],
)
def test_workers_end_their_jobs_without_waiting_for_each_other(
    home: Home, store: Store, other_store: Store, outcome: Outcome
) -> None:
    for _ in range(2):
        enqueue_notification(store)
    first, second = claim(store, worker_id=1), claim(other_store, worker_id=2)
    waits = waits_so_far(home)

    def settle_two() -> list[bool]:
        return [store.settlements.settle(first, outcome), other_store.settlements.settle(second, outcome)]

    assert store.transact(settle_two) == [True, True]
    assert waits_so_far(home) == waits


def test_the_only_row_that_is_due_is_nobody_elses_while_it_is_claimed(store: Store, other_store: Store) -> None:
    uuid = enqueue(store).uuid

    def claim_and_look() -> None:
        claim(store)
        assert other_store.claims.has_due(("default",))  # as far as has been committed
        assert other_store.claims.claim(("default",), 2) is None
        give_up()

    with suppress(GivesUp):
        store.transact(claim_and_look)
    assert claim(other_store, worker_id=2).uuid == uuid


def test_a_row_that_waits_to_be_promoted_is_passed_over_while_another_worker_promotes_it(
    home: Home, store: Store, other_store: Store
) -> None:
    first = home.insert_job({"job": "x"})

    def claim_and_look() -> int:
        claimed = claim(store).id
        second = home.insert_job({"job": "x"})
        assert claim(other_store, worker_id=2).id == second
        return claimed

    assert store.transact(claim_and_look) == first


def test_a_claim_that_is_rolled_back_leaves_its_row_to_others(home: Home, store: Store, other_store: Store) -> None:
    uuids = [enqueue(store).uuid for _ in range(2)]

    def claim_and_give_up() -> None:
        claim(store)
        assert claim(other_store, worker_id=2).uuid == uuids[1]
        give_up()

    with suppress(GivesUp):
        store.transact(claim_and_give_up)
    again = claim(other_store, worker_id=2)
    assert (again.uuid, again.attempts) == (uuids[0], 1)


def test_a_claim_whose_connection_is_killed_leaves_its_row_to_others(home: Home, store: Store) -> None:
    uuid = enqueue(store).uuid
    home.database.abandon("UPDATE jobs SET stage = 2, worker_id = 7, attempts = 1")
    again = claim(store)
    assert (again.uuid, again.attempts) == (uuid, 1)


@pytest.mark.usefixtures("without_skip_locked")
@pytest.mark.parametrize(("commits", "taken"), [(True, 1), (False, 0)], ids=["that commits", "that is rolled back"])
def test_on_an_old_server_a_worker_waits_for_the_end_of_another_claim(home: Home, commits: bool, taken: int) -> None:
    others: list[Future[str]] = []
    with home.store() as store, ThreadPoolExecutor(1) as pool:
        assert store._session.dialect is dialect.MYSQL_WITHOUT_SKIP_LOCKED
        uuids = [enqueue(store).uuid for _ in range(3)]

        def claim_while_another_waits() -> None:
            assert claim(store).uuid == uuids[0]
            others.append(pool.submit(claimed_elsewhere, home))
            eventually(lambda: waits_now(home))
            if not commits:
                give_up()

        with suppress(GivesUp):
            store.transact(claim_while_another_waits)
        assert others[0].result() == uuids[taken]
        reserved, _ = store.jobs.listing(state=JobState.RESERVED, limit=9)
        assert {job.uuid for job in reserved} == {uuids[taken]} | ({uuids[0]} if commits else set())
