"""A server's threads and processes: each has its own connection, and none is left behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import peewee
import pytest

import leadq
from leadq.store.embedded import connected
from tests.homes import Home

ANA = {"name": "Ana", "email": "ana@client.example"}
THREADS, EACH = 8, 5


def open_connections(home: Home) -> int:
    """How many connections to the home's database this process has."""
    path = home.settings.database.path
    if path is None:
        ((count,),) = home.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()")
        return int(count) - 1  # the one that asks
    return sum(Path(f"/proc/self/fd/{number}").resolve() == path for number in os.listdir("/proc/self/fd"))


def in_threads(errors: list[BaseException]) -> None:
    start = threading.Barrier(THREADS)

    def requests() -> None:
        try:
            start.wait()
            for _ in range(EACH):
                leadq.create_lead(**ANA)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=requests) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("own_database", [False, True])
def test_threads_store_every_lead_once_and_leave_no_connection(
    placed: Home, app_db: peewee.Database, own_database: bool
) -> None:
    leadq.configure(home=placed.path, database=app_db if own_database else None)
    errors: list[BaseException] = []
    in_threads(errors)
    assert errors == []
    assert [placed.count(table) for table in ("leads", "jobs", "deliveries")] == [THREADS * EACH] * 3
    assert open_connections(placed) == 0


def test_a_threads_transaction_is_its_own(placed: Home, app_db: peewee.Database) -> None:
    """One thread rolls back while another commits."""
    leadq.configure(home=placed.path, database=app_db)
    rolled_back = threading.Event()

    def request() -> None:
        with app_db.connection_context(), app_db.atomic() as transaction:
            leadq.create_lead(**ANA)
            transaction.rollback()
        rolled_back.set()

    thread = threading.Thread(target=request)
    with app_db.connection_context():
        thread.start()
        rolled_back.wait(20)
        leadq.create_lead(**ANA)
    thread.join()
    assert placed.count("leads") == 1


@pytest.mark.parametrize("used_before", [False, True])
def test_forked_servers_use_what_their_parent_configured(placed: Home, used_before: bool) -> None:
    leadq.configure(home=placed.path)
    if used_before:
        leadq.create_lead(**ANA)
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for _ in range(EACH):
                    leadq.create_lead(**ANA)
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    for _ in range(EACH):
        leadq.create_lead(**ANA)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
    assert placed.count("leads") == 4 * EACH + used_before
    assert open_connections(placed) == 0


def test_an_interruption_leaves_neither_a_connection_nor_a_lock(placed: Home, app_db: peewee.Database) -> None:
    """A job's timeout may strike between the BEGIN and Peewee's note of it, or the other way round."""
    with pytest.raises(KeyboardInterrupt), connected(app_db):  # noqa: PT012 - what is interrupted
        app_db.transaction().__enter__()
        app_db.execute_sql("DELETE FROM users")
        raise KeyboardInterrupt
    assert app_db.is_closed()
    leadq.configure(home=placed.path)
    assert leadq.create_lead(**ANA).user_id == 1


def test_no_connection_is_kept_that_could_go_stale(placed: Home) -> None:
    leadq.configure(home=placed.path)
    leadq.create_lead(**ANA)
    assert open_connections(placed) == 0
    leadq.create_lead(**ANA)
    assert placed.count("leads") == 2
