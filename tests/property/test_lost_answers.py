"""A commit that fails, and one that is made although its answer is lost: a worker goes on as if neither had been."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadq.dispatching import dispatch
from leadq.errors import StoreUnavailable
from leadq.job import Job, JobContext
from leadq.mail.mailer import open_mailer
from leadq.mail_gate import MailGate
from leadq.store.session import Session
from leadq.store.store import Store
from leadq.worker import patience
from leadq.worker.events import JobProcessing, WorkerEvent
from leadq.worker.executor import Executor
from leadq.worker.last_words import LastWords
from leadq.worker.loop import Report, Worker
from leadq.worker.options import RetryPolicy, WorkerOptions
from leadq.worker.stop import StopRequest
from tests.homes import Home

TRIES = 3


class Fault(StrEnum):
    """What happens to a commit."""

    NONE = "none"
    NOT_MADE = "not made"
    ANSWER_LOST = "answer lost"


@dataclass
class Steps(Job):
    """Fails so many times, then succeeds."""

    number: int
    failures: int

    def handle(self, context: JobContext) -> None:
        RUNS[self.number] += 1
        if context.attempt <= self.failures:
            raise RuntimeError("not yet")


@dataclass
class Last(Job):
    """Ends the worker."""

    def handle(self, context: JobContext) -> None:
        STOPS[-1].times_requested = 1


RUNS: Counter[int] = Counter()
STOPS: list[StopRequest] = []


@dataclass
class Faults:
    """Falls upon the worker's commits, one fault each, from its first job on."""

    coming: list[Fault]
    on: bool = False
    worker_thread: threading.Thread = field(default_factory=threading.current_thread)

    @contextmanager
    def around(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        real = Session._transact_once

        def transact_once(session: Session, work: Callable[[], Any]) -> Any:
            fault = self._next()

            def work_in_vain() -> None:
                work()
                raise StoreUnavailable("the commit failed")

            result = real(session, work_in_vain if fault is Fault.NOT_MADE else work)
            if fault is Fault.ANSWER_LOST:
                raise StoreUnavailable("the answer was lost")
            return result

        with patch.context() as patched:
            patched.setattr(Session, "_transact_once", transact_once)
            patched.setattr(patience, "FIRST_PAUSE_SECONDS", 0)
            yield

    def _next(self) -> Fault:
        if self.on and self.coming and threading.current_thread() is self.worker_thread:
            return self.coming.pop(0)
        return Fault.NONE


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for every example: each leaves its queue empty."""
    home = Home(tmp_path_factory.mktemp("faults") / "home")
    home.path.mkdir()
    home.leadq("init", home.path)
    return home


@pytest.mark.timeout(600)  # a failure is made small before it is told
@given(
    failures=st.lists(st.integers(0, TRIES), min_size=1, max_size=4),
    coming=st.lists(st.sampled_from(Fault), max_size=12),
)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_no_job_is_lost_doubled_or_kept_whatever_becomes_of_the_worker_s_commits(
    shared_home: Home, failures: list[int], coming: list[Fault]
) -> None:
    home, faults = shared_home, Faults(coming)
    for table in ("jobs", "failed_jobs"):
        home.sql(f"DELETE FROM {table}")
    RUNS.clear()
    with home.store() as store:
        for number, count in enumerate(failures):
            dispatch(store, Steps(number=number, failures=count), default_queue="default")
        dispatch(store, Last(), default_queue="default", priority=1)

        def look(event: WorkerEvent) -> None:
            if isinstance(event, JobProcessing):
                faults.on = True
                held = home.sql("SELECT id, attempts FROM jobs WHERE stage = 2")
                assert held == [(event.claimed.id, event.claimed.attempts)]

        with faults.around(pytest.MonkeyPatch()):
            assert worker(home, store, look).run().exit_code == 0
    assert home.count("jobs") == 0
    assert [RUNS[number] for number in range(len(failures))] == [min(count + 1, TRIES) for count in failures]
    failed = [number for number, count in enumerate(failures) if count == TRIES]
    assert home.sql("SELECT attempts FROM failed_jobs") == [(TRIES,) for _ in failed]


def worker(home: Home, store: Store, report: Report) -> Worker:
    """A worker in this process that ends with Last."""
    stop, last_words = StopRequest(), LastWords(home.path / "storage" / "workers")
    STOPS.append(stop)
    retry = RetryPolicy(tries=TRIES, timeout=0, backoff=(0,))
    return Worker(
        store=store,
        executor=Executor(
            store=store, mailer=open_mailer(home.settings), retry=retry, last_words=last_words, gate=MailGate()
        ),
        options=WorkerOptions(queues=("default",), retry=retry, sleep=0.01, memory_mb=0),
        stop=stop,
        last_words=last_words,
        restart_signal=0,
        report=report,
    )
