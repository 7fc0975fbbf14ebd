"""Whoever is killed and whenever, the counters of batches are exact: while workers end their jobs, one fills them, and
others retry and cancel."""

from __future__ import annotations

import json
import random
import subprocess
import time

from leadq.payload import new_uuid
from leadq.store.records import NewJob
from leadq.store.store import Store
from tests.homes import Home, eventually
from tests.process.signs import own_job

WORKERS = 8
KILLS = 6
SEED = 1
AT_ONCE = 24  # jobs for each batch before each kill; one in four fails, those of no batch apart

COUNTERS = """
    SELECT name, total_jobs, pending_jobs, failed_jobs, finished_at IS NOT NULL,
           (SELECT COUNT(*) FROM jobs WHERE jobs.batch_id = job_batches.id),
           (SELECT COUNT(*) FROM failed_jobs WHERE failed_jobs.batch_id = job_batches.id)
    FROM job_batches ORDER BY name
"""
HOLDERS = "SELECT DISTINCT pid FROM workers JOIN jobs ON jobs.worker_id = workers.id"


def test_the_counters_of_batches_are_exact_whatever_is_killed(jobs_home: Home) -> None:
    chance = random.Random(SEED)
    workers = [start_worker(jobs_home) for _ in range(WORKERS)]
    with jobs_home.store() as store:
        batches = {name: store.batches.create(name=name) for name in ("cancelled", "kept")}
        for kill in range(1, KILLS + 1):
            fill(store, batches)
            kill_a_holder(jobs_home, workers, chance)
            workers = [start_worker(jobs_home) if worker.poll() is not None else worker for worker in workers]
            others = [jobs_home.start("retry-batch", batches["kept"])] if kill in {3, 5} else []
            others += [jobs_home.start("cancel-batch", batches["cancelled"])] if kill in {4, 6} else []
            if others:
                time.sleep(chance.uniform(0.3, 0.6))
            for other in others:
                other.kill()
                jobs_home.ended(other)
            assert_exact(jobs_home, total=kill * AT_ONCE)
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert_exact(jobs_home, total=KILLS * AT_ONCE)
    assert [(pending, is_finished) for _, _, pending, _, is_finished, *_ in jobs_home.sql(COUNTERS)] == [(0, 1)] * 2
    jobs_home.run("retry-batch", *batches.values())
    eventually(lambda: jobs_home.count("jobs") == 0)
    assert_exact(jobs_home, total=KILLS * AT_ONCE)
    for worker in workers:
        jobs_home.stop(worker)


def start_worker(home: Home) -> subprocess.Popen[str]:
    return home.start("-q", "work", "--tries", 2, "--backoff", 0)


def fill(store: Store, batches: dict[str, str]) -> None:
    """Adds jobs to each batch, in a transaction for each, and some that belong to none."""
    for batch_id in (*batches.values(), None):

        def add(batch_id: str | None = batch_id) -> None:
            for number in range(AT_ONCE):
                now = store.now()
                job = own_job("Flaky", failures=99) if batch_id and number % 4 == 0 else own_job("Note", text="done")
                store.jobs.enqueue(
                    NewJob(
                        uuid=new_uuid(),
                        queue="default",
                        payload=json.dumps(job),
                        available_at=now,
                        created_at=now,
                        batch_id=batch_id,
                    )
                )
            if batch_id:
                store.batches.add(batch_id, AT_ONCE)

        store.transact(add)


def kill_a_holder(home: Home, workers: list[subprocess.Popen[str]], chance: random.Random) -> None:
    """Kills one of the workers that have a job just now, as all have one from their first on while any waits."""
    running = {worker.pid: worker for worker in workers}

    def holders() -> list[int]:
        return [pid for (pid,) in home.sql(HOLDERS) if pid in running]

    eventually(lambda: holders() or home.count("jobs") == 0)
    time.sleep(chance.uniform(0, 0.02))
    victim = running[chance.choice(holders() or list(running))]
    victim.kill()
    home.ended(victim)


def assert_exact(home: Home, *, total: int) -> None:
    """Nobody has to rest for that: one statement sees all tables as they were at one moment."""
    for name, total_jobs, pending_jobs, failed_jobs, is_finished, waiting, failed in home.sql(COUNTERS):
        assert (name, total_jobs, pending_jobs, failed_jobs) == (name, total, waiting, failed)
        assert bool(is_finished) is (waiting == 0)
