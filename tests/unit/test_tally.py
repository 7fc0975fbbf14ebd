"""What a worker adds up until its beat writes it."""

from __future__ import annotations

import pytest

from leadq.store.records import ClaimedJob, JobSums, WorkerNews
from leadq.worker import events
from leadq.worker.tally import Tally

CLAIMED = ClaimedJob(
    id=1,
    uuid="u",
    worker_id=1,
    connection="database",
    queue="default",
    payload="{}",
    attempts=1,
    available_at=0,
    created_at=0,
    batch_id=None,
)
JOB = {"claimed": CLAIMED, "job": "x", "data": {}}
DONE = events.JobProcessed(**JOB, duration=0.25, reply=None)
RELEASED = events.JobReleased(**JOB, duration=1.0, delay_seconds=60, error="E", timed_out=False)
FAILED = events.JobFailed(**JOB, duration=0.5, error="E", timed_out=False)
NOTHING = WorkerNews()


def sums(done: int, failed: int, attempts: int, run_ms: int) -> JobSums:
    return JobSums(queue="default", done=done, failed=failed, attempts=attempts, run_ms=run_ms)


def test_attempts_are_added_up_by_how_they_ended() -> None:
    tally = Tally()
    for event in (DONE, DONE, RELEASED, FAILED):
        tally.note(event)
    assert tally.has_news
    assert tally.news(125) == WorkerNews(done=2, failed=1, minutes={120: [sums(2, 1, 4, 2000)]})


@pytest.mark.parametrize(
    "event",
    [
        events.JobProcessing(**JOB),
        events.JobHeld(**JOB, duration=1, error="E"),
        events.JobGivenBack(**JOB, duration=1, reason="stop"),
        events.ClaimLost(**JOB, duration=1),
        events.OrphansReleased(orphans=()),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_attempt_that_does_not_count_is_not_counted(event: events.WorkerEvent) -> None:
    tally = Tally()
    tally.note(event)
    assert not tally.has_news
    assert tally.news(125) == NOTHING


def test_a_minute_is_told_as_a_whole_until_it_is_over_and_written() -> None:
    tally = Tally()
    tally.note(DONE)
    tally.news(125)  # not written: the database was away
    assert tally.has_news
    tally.note(DONE)
    assert tally.news(130).minutes == {120: [sums(2, 0, 2, 500)]}
    tally.written(130)
    assert not tally.has_news
    assert tally.news(140).minutes == {}
    tally.note(FAILED)
    assert tally.news(150).minutes == {120: [sums(2, 1, 3, 1000)]}
    tally.note(DONE)
    assert tally.news(185).minutes == {120: [sums(2, 1, 3, 1000)], 180: [sums(1, 0, 1, 250)]}
    tally.written(185)
    tally.note(DONE)
    assert tally.news(186).minutes == {180: [sums(2, 0, 2, 500)]}


def test_what_is_noted_while_the_rest_is_written_is_news() -> None:
    tally = Tally()
    tally.note(DONE)
    tally.news(125)
    tally.note(DONE)
    tally.written(125)
    assert tally.has_news
    assert tally.news(126) == WorkerNews(done=2, minutes={120: [sums(2, 0, 2, 500)]})
