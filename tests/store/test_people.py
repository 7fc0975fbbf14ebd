"""Users and leads in the store, and the verbs that combine them."""

from __future__ import annotations

import pytest

from leadq.errors import InvalidInput, NotFound
from leadq.leads import NewLead, Routing, assign_lead, create_lead
from leadq.store.store import Store
from leadq.users import create_user
from tests.conftest import Clock
from tests.homes import Home
from tests.store.conftest import FAILED, claim

ROUTING = Routing(default_queue="default")
BO = NewLead(name="Bo", email="bo@example.com")


def add_users(store: Store, *names: str) -> None:
    for name in names:
        create_user(store, name=name, email=f"{name}@example.com")


def owners(store: Store, count: int) -> list[str]:
    return [
        notified.user.name if (notified := create_lead(store, BO, routing=ROUTING)).user else "" for _ in range(count)
    ]


@pytest.mark.parametrize("twin", ["ANA@example.com", "ana@EXAMPLE.COM", " ana@example.com ", "Ana@Example.com"])
def test_an_address_belongs_to_one_user_whatever_its_case(store: Store, twin: str) -> None:
    create_user(store, name="Ana", email="ana@example.com")
    with pytest.raises(InvalidInput, match=r"^user 1 has the address ana@example\.com already$"):
        create_user(store, name="Other", email=twin)
    assert len(store.users.all()) == 1


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("", "ana@example.com"),
        (" \x1b\r\n", "ana@example.com"),
        ("x" * 256, "ana@example.com"),
        ("Ana", "ana"),
        ("Ana", "josé@example.com"),
    ],
)
def test_a_user_that_no_mail_could_reach_is_refused(store: Store, name: str, email: str) -> None:
    with pytest.raises(InvalidInput):
        create_user(store, name=name, email=email)
    assert store.users.all() == []


@pytest.mark.parametrize("reference", ["1", "ana@example.com", "ANA@EXAMPLE.COM", " ana@example.com "])
def test_a_user_is_found_by_number_or_address(store: Store, reference: str) -> None:
    add_users(store, "ana")
    assert store.users.find(reference).name == "ana"


@pytest.mark.parametrize("reference", ["", "0", "2", "bo@example.com", "ana", "٣", "9" * 30, "\udcff"])
def test_a_user_that_is_not_there_is_not_found(store: Store, reference: str) -> None:
    add_users(store, "ana")
    with pytest.raises(NotFound):
        store.users.find(reference)


def test_leads_go_round_to_who_has_waited_longest(store: Store, time_now: Clock) -> None:
    add_users(store, "a", "b", "c")
    assert owners(store, 4) == ["a", "b", "c", "a"]  # within one second, too
    time_now.pass_(60)
    create_lead(store, BO, user="b@example.com", routing=ROUTING)
    assert owners(store, 3) == ["c", "a", "b"]


def test_a_user_who_is_inactive_is_left_out_and_comes_back_in_turn(store: Store) -> None:
    add_users(store, "a", "b", "c")
    store.users.set_active(2, False)
    assert owners(store, 3) == ["a", "c", "a"]
    store.users.set_active(2, True)
    assert owners(store, 1) == ["b"]


def test_somebody_new_comes_first(store: Store) -> None:
    add_users(store, "a")
    owners(store, 3)
    add_users(store, "b")
    assert owners(store, 2) == ["b", "a"]


def test_without_an_active_user_the_lead_is_kept_and_belongs_to_nobody(home: Home, store: Store) -> None:
    add_users(store, "a")
    store.users.set_active(1, False)
    notified = create_lead(store, BO, routing=ROUTING)
    assert (notified.user, notified.job, notified.lead.user_id) == (None, None, None)
    assert (home.count("leads"), home.count("jobs"), home.count("deliveries")) == (1, 0, 0)


@pytest.mark.parametrize("table", ["leads", "jobs", "deliveries"])
def test_lead_job_and_delivery_are_stored_together_or_not_at_all(home: Home, store: Store, table: str) -> None:
    add_users(store, "a")
    with home.sabotaged("INSERT", table), pytest.raises(Exception, match="sabotage"):
        create_lead(store, BO, routing=ROUTING)
    assert [home.count(name) for name in ("leads", "jobs", "deliveries")] == [0, 0, 0]
    create_lead(store, BO, routing=ROUTING)
    assert [home.count(name) for name in ("leads", "jobs", "deliveries")] == [1, 1, 1]


@pytest.mark.parametrize(
    "new",
    [
        NewLead(name="", email="bo@example.com"),
        NewLead(name="\u202e\x00", email="bo@example.com"),
        NewLead(name="x" * 256, email="bo@example.com"),
        NewLead(name="Bo", email="bo"),
        NewLead(name="Bo", email="bo@example.com", phone="1" * 256),
        NewLead(name="Bo", email="bo@example.com", message="x" * 1_000_001),
        NewLead(name="Bo", email="bo@example.com", company="\udcff"),
    ],
)
def test_a_lead_that_cannot_be_accepted_leaves_nothing_behind(home: Home, store: Store, new: NewLead) -> None:
    add_users(store, "a")
    with pytest.raises(InvalidInput):
        create_lead(store, new, routing=ROUTING)
    assert (home.count("leads"), home.count("jobs")) == (0, 0)


def test_a_lead_is_kept_as_it_was_typed_but_for_blanks_and_its_domain(store: Store) -> None:
    new = NewLead(name=" [red]Zoë[/red] ", email=" Zoe@EXAMPLE.com ", phone="  ", message="one\n\x1b[2Jtwo ")
    lead = create_lead(store, new, routing=ROUTING).lead
    assert (lead.name, lead.email, lead.phone, lead.message) == (
        "[red]Zoë[/red]",
        "Zoe@example.com",
        None,
        "one\n\x1b[2Jtwo",
    )
    assert store.leads.get(lead.id) == lead


def test_a_job_in_failed_jobs_is_replaced_when_its_lead_is_assigned_again(home: Home, store: Store) -> None:
    add_users(store, "a")
    lead = create_lead(store, BO, routing=ROUTING).lead
    store.settlements.settle(claim(store), FAILED)
    notified = assign_lead(store, lead.id, "1", routing=ROUTING)
    assert notified.job is not None
    statuses = {delivery.uuid: delivery.status for delivery in store.deliveries.of_lead(lead.id)}
    assert sorted(statuses.values()) == ["dropped", "queued"]
    assert statuses[notified.job.uuid] == "queued"


@pytest.mark.parametrize("lead_id", [0, 999, 2**63])
def test_a_lead_that_is_not_there_is_not_found(store: Store, lead_id: int) -> None:
    with pytest.raises(NotFound, match=f"^there is (no lead {lead_id}|nothing under so large a number)$"):
        store.leads.get(lead_id)
