"""The server's clock counts, whatever this host's says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from leadq import clock
from leadq.dispatching import dispatch
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from leadq.leads import NewLead, Routing, create_lead
from leadq.receipt import Receipt
from leadq.store.outcomes import Completed, Released
from leadq.store.session import Session
from leadq.store.store import Store
from leadq.users import create_user
from tests.homes import Home
from tests.store.conftest import FAILED, claim, release_orphans, worker

pytestmark = pytest.mark.mariadb_only("the clock of a server")

HOUR = 3600
BO = NewLead(name="Bo", email="bo@example.com")
ROUTING = Routing(default_queue="default")


@pytest.fixture(autouse=True, params=[HOUR, -HOUR], ids=["an hour fast", "an hour slow"])
def _wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This host's clock is wrong."""
    monkeypatch.setattr(clock, "now", lambda: int(time.time()) + request.param)


@pytest.fixture
def is_now(home: Home) -> Callable[..., None]:
    """Asserts that times are the server's, from the beginning of the test to now; those that lie ahead by so much."""

    def now() -> int:
        ((seconds,),) = home.sql("SELECT UNIX_TIMESTAMP()")
        assert isinstance(seconds, int)
        return seconds

    def check(times: tuple[object, ...], *, ahead: int = 0) -> None:
        until = now() + ahead
        for at in times:
            assert isinstance(at, int)
            assert began + ahead - 1 <= at <= until + 1

    began = now()
    return check


def test_the_server_is_in_another_time_zone(home: Home) -> None:
    assert home.sql("SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP()) = '05:30:00'") == [(1,)]


def test_a_lead_and_its_job_are_of_the_servers_time(home: Home, store: Store, is_now: Callable[..., None]) -> None:
    create_user(store, name="Ana", email="ana@example.com")
    create_lead(store, BO, routing=ROUTING)
    is_now(home.sql("SELECT created_at, last_lead_at FROM users")[0])
    is_now(home.sql("SELECT created_at FROM leads")[0])
    is_now(home.sql("SELECT queued_at FROM deliveries")[0])
    is_now(home.sql("SELECT created_at, available_at FROM jobs")[0])


def test_a_delay_is_reckoned_from_the_servers_time(home: Home, store: Store, is_now: Callable[..., None]) -> None:
    dispatch(store, SendLeadCreatedEmail(lead_id=1), default_queue="default", delay=60)
    is_now(home.sql("SELECT available_at FROM jobs")[0], ahead=60)
    assert store.claims.claim(("default",), 1) is None
    assert 0 < store.claims.seconds_until_due(100) <= 60
    home.sql("UPDATE jobs SET available_at = available_at - 60")
    claimed = claim(store)
    is_now(home.sql("SELECT reserved_at FROM jobs")[0])
    store.settlements.settle(claimed, Released(delay_seconds=60, error="OSError: down"))
    is_now(home.sql("SELECT available_at FROM jobs")[0], ahead=60)


def test_a_sent_mail_and_a_failed_job_are_of_the_servers_time(
    home: Home, store: Store, is_now: Callable[..., None]
) -> None:
    create_user(store, name="Ana", email="ana@example.com")
    for _ in range(2):
        create_lead(store, BO, routing=ROUTING)
    store.settlements.settle(claim(store), Completed(receipt=Receipt(message_id="<a@b>", reply="250 ok")))
    store.settlements.settle(claim(store), FAILED)
    is_now(home.sql("SELECT sent_at FROM deliveries WHERE status = 'sent'")[0])
    is_now(home.sql("SELECT failed_at FROM failed_jobs")[0])
    is_now(home.sql("SELECT at FROM delivery_events")[0])
    assert home.leadq("prune-failed", "--hours", "1").stdout == "0 entries deleted.\n"
    home.leadq("retry", "all")
    is_now(home.sql("SELECT created_at, available_at FROM jobs")[0])


def test_a_worker_lives_by_the_servers_time(
    home: Home, store: Store, is_now: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "up_since", lambda session: 0)  # the tests' server is young
    dispatch(store, SendLeadCreatedEmail(lead_id=1), default_queue="default")
    worker_id = worker(store)
    claim(store, worker_id=worker_id)
    is_now(home.sql("SELECT started_at, seen_at FROM workers")[0])
    home.sql("UPDATE workers SET host = 'elsewhere', seen_at = 1")
    store.workers.beat(worker_id, name="test", queues=("default",))
    is_now(home.sql("SELECT seen_at FROM workers")[0])
    assert release_orphans(store) == []
    home.sql("UPDATE workers SET seen_at = seen_at - 100")
    assert len(release_orphans(store)) == 1
    is_now(home.sql("SELECT available_at FROM jobs")[0])


def test_a_job_of_another_program_on_another_host_is_due_by_the_servers_time(home: Home, store: Store) -> None:
    home.sql(
        "INSERT INTO jobs (queue, payload, attempts, available_at, created_at)"
        " VALUES ('default', '{}', 0, UNIX_TIMESTAMP() + 60, UNIX_TIMESTAMP())"
    )
    assert not store.claims.has_due(("default",))
    home.sql("UPDATE jobs SET available_at = UNIX_TIMESTAMP()")
    assert store.claims.has_due(("default",))
    claim(store)
