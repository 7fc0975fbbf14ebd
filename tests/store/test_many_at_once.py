"""Storing many leads, jobs and deliveries in one statement each: the same rows as one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from leadq.dispatching import new_job
from leadq.errors import StoreError
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.store.records import NewJob, UnstoredLead
from leadq.store.store import Store
from leadq.users import create_user
from tests.conftest import Clock
from tests.homes import Home
from tests.mariadb import MariaDbServer


def unstored(email: str = "bo@example.com", **fields: Any) -> UnstoredLead:
    none = {"phone": None, "company": None, "source": None, "message": None, "user_id": None}
    return UnstoredLead(**{"name": "Bo", **none, "email": email, **fields})


def many(count: int) -> list[UnstoredLead]:
    return [unstored(f"lead{number}@example.com") for number in range(count)]


def rows_of(home: Home, table: str) -> list[tuple[Any, ...]]:
    """A table's rows without their ids."""
    return [row[1:] for row in home.sql(f"SELECT * FROM {table} ORDER BY id")]


@pytest.mark.parametrize("count", [0, 1, 2, 400])
def test_leads_get_their_ids_in_order(home: Home, store: Store, count: int) -> None:
    store.leads.create(name="First", email="first@example.com", user_id=None)
    ids = store.leads.create_many(many(count))
    assert list(ids) == list(range(2, 2 + count))
    assert [store.leads.get(lead_id).email for lead_id in ids] == [new.email for new in many(count)]


def test_ids_are_right_though_earlier_leads_were_deleted(home: Home, store: Store) -> None:
    store.leads.create_many(many(3))
    home.sql("DELETE FROM leads")
    assert list(store.leads.create_many(many(2))) == [4, 5]


def test_leads_of_many_are_those_of_one_by_one(home: Home, store: Store, time_now: Clock) -> None:
    user = create_user(store, name="Ana", email="ana@example.com")
    fields = {"phone": "1", "company": "[b]Ä%s ? \\ 'x'", "source": "a", "message": "x\n\x1b[2J" * 1000}
    full = unstored("Zoë@example.com", name="李雷", user_id=user.id, **fields)
    for new in (full, unstored()):
        store.leads.create(**{name: getattr(new, name) for name in new.__dataclass_fields__})
    single = rows_of(home, "leads")
    home.sql("DELETE FROM leads")
    store.leads.create_many([full, unstored()])
    assert rows_of(home, "leads") == single


def jobs(store: Store, *delays: int) -> list[NewJob]:
    return [
        new_job(
            SendLeadCreatedEmail(lead_id=number, user_id=1),
            now=store.now(),
            default_queue="default",
            delay=delay,
            priority=number,
            batch_id=None if number else "batch",
        )
        for number, delay in enumerate(delays)
    ]


def test_jobs_of_many_are_those_of_one_by_one(home: Home, store: Store, time_now: Clock) -> None:
    new = jobs(store, 0, 60, 0)
    for job in new:
        store.jobs.enqueue(job)
    single = rows_of(home, "jobs")
    home.sql("DELETE FROM jobs")
    store.jobs.enqueue_many([])
    store.jobs.enqueue_many(new)
    assert rows_of(home, "jobs") == single
    assert len(single) == 3


def test_deliveries_of_many_are_those_of_one_by_one(home: Home, store: Store) -> None:
    create_user(store, name="Ana", email="ana@example.com")
    ids = store.leads.create_many(many(2))
    for uuid, lead_id in zip("ab", ids, strict=True):
        store.deliveries.create(uuid=uuid, lead_id=lead_id, user_id=1, queued_at=7)
    single = rows_of(home, "deliveries")
    home.sql("DELETE FROM deliveries")
    store.deliveries.create_many([], queued_at=7)
    store.deliveries.create_many([(uuid, lead_id, 1) for uuid, lead_id in zip("ab", ids, strict=True)], queued_at=7)
    assert rows_of(home, "deliveries") == single


def test_many_are_stored_or_none(home: Home, store: Store) -> None:
    with home.sabotaged("INSERT", "jobs"), pytest.raises(Exception, match="sabotage"):
        store.transact(lambda: (store.leads.create_many(many(3)), store.jobs.enqueue_many(jobs(store, 0))))
    assert (home.count("leads"), home.count("jobs")) == (0, 0)


@pytest.mark.parametrize(
    "sought", ["Zoe@example.com", "zoe@EXAMPLE.com", "JOSÉ@example.com", "x'); --@example.com"], ids=ascii
)
def test_an_address_is_found_whatever_its_case(home: Home, store: Store, sought: str) -> None:
    for email in ("zoe@Example.com", "JOSÉ@example.com", "x'); --@example.com"):
        home.sql("INSERT INTO leads (name, email, created_at) VALUES ('Bo', ?, 0)", email)  # as another program does
    assert store.leads.addresses_among([sought, "other@example.com"]) == {sought.lower()}
    assert store.leads.addresses_among([]) == set()


def test_all_who_are_active_are_in_the_round_in_their_turn(store: Store, time_now: Clock) -> None:
    for name in "abcd":
        create_user(store, name=name, email=f"{name}@example.com")
    store.users.set_active(3, False)
    store.users.note_lead(1, 7)
    store.users.note_lead(2, 6)
    assert [turn.user_id for turn in store.users.turns()] == [4, 2, 1]


@pytest.fixture
def clustered(mariadb: MariaDbServer) -> Iterator[MariaDbServer]:
    """A server that numbers rows as one of three in a cluster does."""
    mariadb.execute("SET GLOBAL auto_increment_increment = 3")
    mariadb.execute("SET GLOBAL auto_increment_offset = 2")
    yield mariadb
    mariadb.execute("SET GLOBAL auto_increment_increment = 1")
    mariadb.execute("SET GLOBAL auto_increment_offset = 1")


@pytest.mark.mariadb_only("SQLite numbers rows by itself")
def test_ids_are_right_where_a_cluster_numbers_in_steps(clustered: MariaDbServer, home: Home, store: Store) -> None:
    assert list(store.leads.create_many(many(4))) == [2, 5, 8, 11]
    assert [lead_id for (lead_id,) in home.sql("SELECT id FROM leads ORDER BY id")] == [2, 5, 8, 11]


@pytest.mark.mariadb_only("SQLite numbers rows by itself")
def test_ids_that_are_not_as_expected_are_an_error_and_nothing_is_stored(
    clustered: MariaDbServer, home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = store._session.ids_inserted

    def cluster_grows_meanwhile(cursor: Any, count: int) -> range:
        store._session.database.execute_sql("SET SESSION auto_increment_increment = 4")
        return insert(cursor, count)

    monkeypatch.setattr(store._session, "ids_inserted", cluster_grows_meanwhile)
    with pytest.raises(StoreError, match="has not numbered new leads in a row"):
        store.leads.create_many(many(4))
    assert home.count("leads") == 0


def test_two_who_store_many_at_once_get_their_own_ids(home: Home, store: Store, other_store: Store) -> None:
    assert list(store.leads.create_many(many(3))) == [1, 2, 3]
    assert list(other_store.leads.create_many(many(3))) == [4, 5, 6]
