"""Jobs that wait until mail can leave again, and the one attempt at a time that finds out."""

from __future__ import annotations

from leadq.receipt import Receipt
from leadq.store.outcomes import Completed, Held
from leadq.store.records import JobState
from leadq.store.store import Store
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.store.conftest import claim, enqueue, enqueue_notification, release_orphans, worker

DOWN = Held(error="DeliveryError: connect refused (transport)", tried=True)
KNOWN = Held(error=DOWN.error, tried=False)
SENT = Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok"))


def begin_outage(store: Store) -> None:
    """Stores a job whose mail cannot leave."""
    enqueue(store)
    assert store.settlements.settle(claim(store), DOWN)


def test_a_held_job_spends_no_attempt_keeps_its_place_and_is_not_claimed(home: Home, store: Store) -> None:
    job = enqueue_notification(store)
    assert store.settlements.settle(claim(store), DOWN)
    assert home.sql("SELECT attempts, reserved_at, worker_id, available_at FROM jobs") == [
        (0, None, None, job.available_at)
    ]
    assert store.claims.claim(("default",), 1) is None
    assert not store.claims.has_due(("default",))
    ((held,), total) = store.jobs.listing(limit=9)
    assert (held.state, total) == (JobState.PENDING, 1)
    assert [event.event for event in store.deliveries.events(job.uuid)] == ["held"]


def test_a_stale_token_holds_nothing(home: Home, store: Store) -> None:
    enqueue(store)
    lost = claim(store)
    home.sql("UPDATE jobs SET worker_id = 99")
    assert not store.settlements.settle(lost, KNOWN)
    assert home.sql("SELECT stage, worker_id FROM jobs") == [(2, 99)]


def test_the_pauses_between_probes_grow_to_a_minute(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    probed_at = []
    for second in range(1, 301):
        time_now.pass_(1)
        probe = store.outages.claim_probe(("default",), 1)
        if probe is not None:
            assert (probe.probe, probe.attempts) == (True, 1)
            probed_at.append(second)
            store.settlements.settle(probe, DOWN)
    assert probed_at == [1, 3, 7, 15, 31, 63, 123, 183, 243]
    outage = store.outages.current()
    assert outage is not None
    assert (outage.since, outage.probes, outage.error) == (NOW, 10, DOWN.error)


def test_failures_that_were_under_way_when_it_began_do_not_delay_the_probe(store: Store, time_now: Clock) -> None:
    for _ in range(5):
        enqueue(store)
    for held in [claim(store) for _ in range(5)]:
        store.settlements.settle(held, DOWN)
    outage = store.outages.current()
    assert outage is not None
    assert (outage.probes, outage.next_probe_at) == (1, NOW + 1)


def test_one_worker_at_a_time_makes_the_probe(store: Store, other_store: Store, time_now: Clock) -> None:
    begin_outage(store)
    begin_outage(store)
    time_now.pass_(1)
    assert store.outages.claim_probe(("default",), 1) is not None
    assert other_store.outages.claim_probe(("default",), 2) is None


def test_a_probe_that_dies_with_its_worker_is_made_by_another_one(home: Home, store: Store, time_now: Clock) -> None:
    begin_outage(store)
    begin_outage(store)
    time_now.pass_(1)
    probe = store.outages.claim_probe(("default",), worker(store))
    assert probe is not None
    home.sql("UPDATE workers SET pid_started = '1'")
    assert release_orphans(store) == [probe.uuid]
    assert store.settlements.settle(claim(store), KNOWN)
    time_now.pass_(59)
    assert store.outages.claim_probe(("default",), 2) is None
    time_now.pass_(1)
    assert store.outages.claim_probe(("default",), 2) is not None


def test_a_worker_of_other_queues_leaves_the_probe_to_those_of_the_held_jobs(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    time_now.pass_(1)
    assert store.outages.claim_probe(("other",), 1) is None
    assert store.outages.claim_probe(("other", "default"), 1) is not None


def test_the_first_by_priority_and_age_is_the_probe(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    urgent = enqueue(store, priority=-1)
    store.settlements.settle(claim(store), KNOWN)
    time_now.pass_(1)
    probe = store.outages.claim_probe(("default",), 1)
    assert probe is not None
    assert probe.uuid == urgent.uuid


def test_its_end_makes_all_held_jobs_due_in_their_order(store: Store, time_now: Clock) -> None:
    jobs = [enqueue(store, priority=-number) for number in range(3)]
    for held in [claim(store) for _ in range(3)]:
        store.settlements.settle(held, DOWN)
    time_now.pass_(1)
    probe = store.outages.claim_probe(("default",), 1)
    assert probe is not None
    store.settlements.settle(probe, SENT)
    store.outages.end()
    assert store.outages.release() == 2
    assert store.outages.current() is None
    assert [claim(store).uuid for _ in range(2)] == [jobs[1].uuid, jobs[0].uuid]


def test_where_none_is_held_any_more_the_next_job_is_the_probe(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    store.outages.release()
    time_now.pass_(1)
    probe = store.outages.claim_probe(("default",), 1)
    assert probe is not None
    assert probe.probe
    assert store.outages.current() is not None


def test_an_outage_without_a_held_job_ends_by_itself(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    store.jobs.clear(())
    time_now.pass_(1)
    assert store.outages.claim_probe(("default",), 1) is None
    assert store.outages.current() is None


def test_a_probe_that_said_nothing_is_followed_by_another_at_once(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    begin_outage(store)
    time_now.pass_(1)
    probe = store.outages.claim_probe(("default",), 1)
    assert probe is not None
    store.settlements.settle(probe, Completed())
    store.outages.probe_again()
    assert store.outages.claim_probe(("default",), 1) is not None


def test_jobs_that_have_waited_too_long_are_let_go_alone(store: Store, time_now: Clock) -> None:
    begin_outage(store)
    time_now.pass_(100)
    begin_outage(store)
    assert store.outages.release(due_before=NOW + 100) == 1
    assert store.claims.claim(("default",), 1) is not None
    assert store.claims.claim(("default",), 1) is None


def test_the_commands_for_waiting_jobs_mean_held_ones_too(home: Home, store: Store) -> None:
    begin_outage(store)
    assert home.leadq("size").stdout == "1\n"
    (document,) = home.json("jobs")["jobs"]
    assert document["state"] == "pending"
    assert store.jobs.clear(()) == (1, 0)
