"""A chunk of an import against leads that are created one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leadq.lead_import.chunk import OnDuplicate, Row, StoredChunks
from leadq.lead_import.records import Record
from leadq.leads import NewLead, Routing, create_lead
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home

ROUTING = Routing(default_queue="default")
STANDINGS = {
    "all new": [(0, 0), (0, 0), (0, 0)],
    "one after the other": [(NOW - 5, 3), (NOW - 9, 1), (NOW - 5, 2)],
    "just now": [(NOW, 2), (NOW, 1), (NOW - 1, 9)],
    "a clock that was ahead": [(NOW + 60, 1), (NOW, 2), (0, 0)],
}


def leads(count: int) -> list[NewLead]:
    return [NewLead(name=f"L{number}", email=f"l{number}@example.com") for number in range(count)]


def chunks(store: Store, **options: Any) -> StoredChunks:
    defaults = {"user": None, "routing": ROUTING, "on_duplicate": OnDuplicate.SKIP}
    return StoredChunks(store, file=Path("leads.csv"), **{**defaults, **options})


def rows(new: list[NewLead]) -> list[Row]:
    return [Row(record=Record(line=number, fields=[]), lead=lead) for number, lead in enumerate(new, 2)]


def begin(home: Home, standing: list[tuple[int, int]]) -> None:
    """An empty database with users who stand so in the round, and one who is out of it."""
    for table in ("jobs", "deliveries", "leads", "users"):
        home.sql(f"DELETE FROM {table}")
    for number, (at, lead_id) in enumerate([*standing, (0, 0)], 1):
        home.sql(
            "INSERT INTO users (id, name, email, email_key, active, last_lead_at, last_lead_id, created_at)"
            " VALUES (?, 'u', ?, ?, ?, ?, ?, 0)",
            number, f"u{number}", f"u{number}", int(number <= len(standing)), at, lead_id,
        )  # fmt: skip


def outcome(home: Home, first: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Who has got what, and where the users stand then; ids of leads are counted from the first."""
    owners = home.sql("SELECT email, user_id FROM leads ORDER BY id")
    told = home.sql("SELECT lead_id, user_id FROM deliveries ORDER BY id")
    standing = home.sql("SELECT id, last_lead_at, last_lead_id FROM users ORDER BY id")
    return (
        owners,
        [(lead_id - first, user_id) for lead_id, user_id in told],
        [(user_id, at, lead_id - first if lead_id >= first else lead_id) for user_id, at, lead_id in standing],
    )


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_chunk_goes_round_as_leads_do_that_are_created_one_by_one(
    home: Home, store: Store, time_now: Clock, standing: str
) -> None:
    for number in range(20):  # so that ids of old leads are lower than any to come
        store.leads.create(name="Old", email=f"old{number}@example.com", user_id=None)
    begin(home, STANDINGS[standing])
    for new in leads(8):
        create_lead(store, new, routing=ROUTING)
    one_by_one = outcome(home, first=21)
    begin(home, STANDINGS[standing])
    taken = chunks(store)
    taken.take(rows(leads(8))[:3])
    taken.take(rows(leads(8))[3:])
    assert outcome(home, first=29) == one_by_one


def test_a_chunk_is_stored_whole_or_not_at_all_and_can_be_taken_again(home: Home, store: Store) -> None:
    begin(home, STANDINGS["all new"])
    taken = chunks(store)
    for table in ("deliveries", "jobs", "leads"):
        with home.sabotaged("INSERT", table), pytest.raises(Exception, match="sabotage"):
            taken.take(rows(leads(5)))
        assert [home.count(name) for name in ("leads", "jobs", "deliveries", "job_batches")] == [0, 0, 0, 0]
    with home.sabotaged("UPDATE", "users"), pytest.raises(Exception, match="sabotage"):
        taken.take(rows(leads(5)))
    stored = taken.take(rows(leads(5)))
    assert (stored.created, stored.unassigned, stored.duplicates) == (5, 0, [])
    assert home.sql("SELECT id, total_jobs FROM job_batches") == [(stored.batch_id, 5)]
    assert taken.take(rows(leads(6))).batch_id == stored.batch_id
    assert home.sql("SELECT name, total_jobs, pending_jobs FROM job_batches") == [("import of leads.csv", 6, 6)]


def test_a_batch_has_a_name_however_a_file_is_called(home: Home, store: Store) -> None:
    begin(home, STANDINGS["all new"])
    StoredChunks(
        store, file=Path("\x1b[2J\udcff" + "x" * 250), user=None, routing=ROUTING, on_duplicate=OnDuplicate.SKIP
    ).take(rows(leads(1)))
    ((name,),) = home.sql("SELECT name FROM job_batches")
    assert name.startswith("import of [2J?xxx")
    assert len(name) <= 255
