"""`monitor`: what waits, who works, what is wrong."""

from __future__ import annotations

import itertools
import os
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from leadq.payload import new_uuid
from leadq.store.outcomes import Failed, Held
from leadq.store.records import JobSums, NewJob, WorkerNews
from leadq.store.store import Store
from tests.cli.conftest import Terminal, create_lead, lines
from tests.conftest import NOW, Clock
from tests.homes import Home
from tests.smtp_servers import MailServer

MINUTE = NOW - NOW % 60
QUEUE_KEYS = ["connection", "queue", "size", "pending", "delayed", "reserved", "oldest_pending_seconds", "failed",
              "jobs_per_minute", "mean_run_ms", "status"]  # fmt: skip
WORKER_KEYS = ["name", "host", "pid", "queues", "state", "job", "done", "failed", "started_at", "seen_at"]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    home.environment["APP_TIMEZONE"] = "UTC"
    with home.store() as store:
        yield store


def enqueue(store: Store, count: int = 1, *, queue: str = "default", age: int = 0) -> None:
    due = store.now() - age
    store.jobs.enqueue_many(
        [
            NewJob(
                uuid=new_uuid(), queue=queue, payload='{"job": "Note", "data": {}}', available_at=due, created_at=due
            )
            for _ in range(count)
        ]
    )


def claim(store: Store, queue: str = "default", worker_id: int = 1) -> Any:
    claimed = store.claims.claim((queue,), worker_id)
    assert claimed is not None
    return claimed


def fail(store: Store, queue: str = "default") -> None:
    enqueue(store, queue=queue)
    assert store.settlements.settle(claim(store, queue), Failed(error="E", exception="E"))


def hold(store: Store) -> None:
    enqueue(store)
    store.settlements.settle(claim(store), Held(error="DeliveryError: connect: refused (transport)", tried=True))


def worker(store: Store, name: str = "default", *queues: str) -> int:
    return store.workers.register(name=name, queues=queues or ("default",))


def busy_home(store: Store) -> None:
    """Something of everything."""
    enqueue(store, 3, age=70)
    enqueue(store, queue="high")
    enqueue(store, 2, queue="reports", age=-600)
    fail(store)
    store.control.pause("reports", until=store.now() + 3600, reason="SES\tquota")
    first = worker(store, "default-1", "high", "default")
    claim(store, "high", first)
    done = JobSums(queue="default", done=11, failed=1, attempts=15, run_ms=600)
    store.workers.beat(
        first,
        name="default-1",
        queues=("high", "default"),
        news=WorkerNews(done=11, failed=1, minutes={store.now() // 60 * 60: [done]}),
    )


# --- what it shows ------------------------------------------------------------------------------------------------


def test_an_empty_home_shows_the_default_queue_and_warns_that_nobody_works(home: Home, store: Store) -> None:
    result = home.leadq("monitor")
    verdict, warning, empty, heading, row = lines(result.stdout)
    assert re.fullmatch(r"OK      \S+ \S+  0 workers, 0 pending, 0 failed, 0\.0 jobs/min", verdict)
    assert warning == "WARN    no worker is running; unless cron starts one, run: leadq work"
    assert empty == ""
    assert heading == "status  queue    size  pending  delayed  reserved  oldest  failed  jobs/min  mean"
    assert row == "OK      default     0        0        0         0               0       0.0"
    assert result.stderr == ""


def test_one_look_tells_of_queues_workers_and_pauses(store: Store, home: Home, time_now: Clock) -> None:
    busy_home(store)
    time_now.pass_(5)
    pid = os.getpid()
    process = f"{socket.gethostname()}:{pid}"
    wide = max(len("host:pid"), len(process))
    assert lines(home.leadq("monitor").stdout) == [
        "PAUSED  2027-01-15 08:00:05  1 worker, 3 pending, 1 failed, 2.4 jobs/min",
        "PAUSED  reports since 08:00:00 (5s) until 09:00:00: SES quota",
        "",
        "status  queue    size  pending  delayed  reserved  oldest  failed  jobs/min  mean",
        "PAUSED  reports     2        0        2         0               0       0.0",
        "OK      default     3        3        0         0      1m       1       2.4  40ms",
        "OK      high        1        0        0         1               0       0.0",
        "",
        f"state  worker     {'host:pid':{wide}}  queues        job            done  failed  since  seen",
        f"busy   default-1  {process:{wide}}  high,default  Note 4 for 5s    11       1     5s    5s",
    ]


def test_json_has_everything(store: Store, home: Home, time_now: Clock) -> None:
    busy_home(store)
    time_now.pass_(5)
    document = home.json("monitor")
    assert list(document) == ["status", "queues", "workers", "alerts", "warnings", "pauses", "mail_outage"]
    assert (document["status"], document["alerts"], document["warnings"]) == ("PAUSED", [], [])
    assert all(list(queue) == QUEUE_KEYS for queue in document["queues"])
    assert [queue["queue"] for queue in document["queues"]] == ["reports", "default", "high"]
    assert document["queues"][1] == {
        "connection": "database",
        "queue": "default",
        "size": 3,
        "pending": 3,
        "delayed": 0,
        "reserved": 0,
        "oldest_pending_seconds": 75,
        "failed": 1,
        "jobs_per_minute": 2.36,
        "mean_run_ms": 40.0,
        "status": "OK",
    }
    (one,) = document["workers"]
    assert list(one) == WORKER_KEYS
    job = one.pop("job")
    assert one == {
        "name": "default-1",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "queues": ["high", "default"],
        "state": "busy",
        "done": 11,
        "failed": 1,
        "started_at": "2027-01-15T08:00:00Z",
        "seen_at": "2027-01-15T08:00:00Z",
    }
    assert (job["id"], job["queue"], job["job"], job["attempts"]) == (4, "high", "Note", 1)
    assert (job["reserved_at"], job["running_seconds"]) == ("2027-01-15T08:00:00Z", 5)
    assert document["pauses"] == [
        {"queue": "reports", "since": "2027-01-15T08:00:00Z", "until": "2027-01-15T09:00:00Z", "reason": "SES\tquota"}
    ]
    assert document["mail_outage"] is None


def test_queues_that_are_named_are_shown_alone_with_zeros_where_they_have_none(store: Store, home: Home) -> None:
    enqueue(store)
    worker(store, "low", "low")
    worker(store, "both", "high", "default")
    document = home.json("monitor", " high, none,high ")
    assert [(queue["queue"], queue["size"], queue["status"]) for queue in document["queues"]] == [
        ("high", 0, "OK"),
        ("none", 0, "OK"),
    ]
    assert [one["name"] for one in document["workers"]] == ["both"]
    assert document["queues"][0]["oldest_pending_seconds"] is document["queues"][0]["mean_run_ms"] is None


def test_every_queue_that_somebody_knows_of_is_shown(store: Store, home: Home, time_now: Clock) -> None:
    enqueue(store, queue="waiting")
    fail(store, "failing")
    store.control.pause("paused", until=None, reason=None)
    worker(store, "w", "worked-on")
    store.metrics.record(1, {MINUTE: [JobSums(queue="emptied", done=1, failed=0, attempts=1, run_ms=1)]})
    store.metrics.record(1, {MINUTE - 360: [JobSums(queue="long-ago", done=1, failed=0, attempts=1, run_ms=1)]})
    names = {queue["queue"] for queue in home.json("monitor")["queues"]}
    assert names == {"default", "waiting", "failing", "paused", "worked-on", "emptied"}


@pytest.mark.parametrize(("count", "shown"), [(0, "0.0"), (6, "1.2"), (5_000, "1,000")])
def test_rates_are_of_the_last_five_full_minutes_and_the_current_one(
    store: Store, home: Home, time_now: Clock, count: int, shown: str
) -> None:
    time_now.now = MINUTE
    sums = JobSums(queue="default", done=count, failed=0, attempts=count, run_ms=2_500 * count)
    store.metrics.record(1, {MINUTE - 300: [sums], MINUTE - 360: [sums]})
    (queue,) = home.json("monitor")["queues"]
    assert queue["jobs_per_minute"] == count / 5
    assert queue["mean_run_ms"] == (2500 if count else None)
    row = lines(home.leadq("monitor").stdout)[-1]
    assert row.endswith(f"{shown}  2.5s" if count else shown)


# --- the verdict --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "alert"),
    [
        (("--max", 4), "4 pending"),
        (("--max", 5), None),
        (("--max-age", "99s"), "the oldest due for 1m"),
        (("--max-age", "100"), None),
        (("--max-failed", 1), "2 failed"),
        (("--max-failed", 2), None),
        (("--max-failed", 0, "--max", 1), "4 pending, 2 failed"),
        (("none", "--max", 1), None),
    ],
)
def test_alert_and_exit_1_from_the_limit_on(
    store: Store, home: Home, time_now: Clock, arguments: tuple[object, ...], alert: str | None
) -> None:
    fail(store)
    fail(store)
    enqueue(store, 4, age=100)
    status, exit_code = ("OK", 0) if alert is None else ("ALERT", 1)
    document = home.json("monitor", *arguments, exit_code=exit_code)
    assert document["status"] == document["queues"][0]["status"] == status
    assert ", ".join(one["alert"] for one in document["alerts"]) == (alert or "")
    shown = lines(home.leadq("monitor", *arguments, exit_code=exit_code).stdout)
    assert shown[0].startswith(status)
    assert [line for line in shown if "default:" in line] == ([f"ALERT   default: {alert}"] if alert else [])


def test_the_limits_are_1000_pending_and_15_minutes_unless_told_otherwise(
    store: Store, home: Home, time_now: Clock
) -> None:
    enqueue(store, 999, age=900)
    home.leadq("monitor")
    enqueue(store)
    home.leadq("monitor", exit_code=1)
    home.leadq("monitor", "--max", 1001)
    time_now.pass_(1)
    home.leadq("monitor", "--max", 1001, exit_code=1)


def test_delayed_and_reserved_jobs_are_not_pending(store: Store, home: Home, time_now: Clock) -> None:
    enqueue(store, 5, age=5000)
    for _ in range(5):
        claim(store)
    enqueue(store, 5, age=-5000)
    home.leadq("monitor", "--max", 1)


def test_while_mail_is_held_it_says_since_when_and_why(store: Store, home: Home, time_now: Clock) -> None:
    hold(store)
    worker(store)
    time_now.pass_(125)
    document = home.json("monitor", exit_code=1)
    assert document["status"] == document["queues"][0]["status"] == "ALERT"
    error = "DeliveryError: connect: refused (transport)"
    assert document["mail_outage"] == {"since": "2027-01-15T08:00:00Z", "error": error, "held": 1}
    assert document["queues"][0]["pending"] == 1
    assert document["alerts"] == [{"queue": "default", "alert": "1 held until mail can leave"}]
    assert f"ALERT   no mail can leave since 08:00:00 (2m), 1 job held: {error}" in lines(
        home.leadq("monitor", exit_code=1).stdout
    )
    other = home.json("monitor", "other", exit_code=1)  # mail is held, whatever queue is looked at
    assert (other["status"], other["queues"][0]["status"]) == ("ALERT", "OK")
    store.outages.end()
    store.outages.release()
    assert home.json("monitor")["mail_outage"] is None


def test_a_pause_is_no_alert_and_hides_none(store: Store, home: Home, time_now: Clock) -> None:
    enqueue(store)
    worker(store)
    store.control.pause(None, until=None, reason=None)
    assert [queue["status"] for queue in home.json("monitor")["queues"]] == ["PAUSED"]
    assert home.json("monitor")["workers"][0]["state"] == "paused"
    assert "PAUSED  every queue since 08:00:00 (0s)" in lines(home.leadq("monitor").stdout)
    (queue,) = home.json("monitor", "--max", 1, exit_code=1)["queues"]
    assert queue["status"] == "ALERT"


def test_what_is_wrong_comes_first(store: Store, home: Home, time_now: Clock) -> None:
    enqueue(store, queue="a")
    enqueue(store, 9, queue="z")
    store.control.pause("m", until=None, reason=None)
    document = home.json("monitor", "--max", 9, exit_code=1)
    found = [(queue["status"], queue["queue"]) for queue in document["queues"]]
    assert found == [("ALERT", "z"), ("PAUSED", "m"), ("OK", "a"), ("OK", "default")]


# --- workers ------------------------------------------------------------------------------------------------------


def test_a_queue_that_no_running_worker_works_on_is_a_warning(store: Store, home: Home) -> None:
    enqueue(store, queue="emial")
    worker(store)
    assert home.json("monitor")["warnings"] == ["no running worker works on the queue emial"]


def test_states_of_workers(store: Store, home: Home, time_now: Clock) -> None:
    worker(store, "silent")
    time_now.pass_(91)
    worker(store, "idle")
    stopped = worker(store, "stopped")
    store.workers.beat(stopped, name="stopped", queues=("default",), news=WorkerNews(paused=True))
    worker(store, "all-paused", "reports")
    enqueue(store)
    claim(store, worker_id=worker(store, "busy"))
    store.control.pause("reports", until=None, reason=None)
    found = [(one["name"], one["state"]) for one in home.json("monitor")["workers"]]
    assert found == [
        ("silent", "gone"),
        ("stopped", "paused"),
        ("all-paused", "paused"),
        ("busy", "busy"),
        ("idle", "idle"),
    ]


def test_a_worker_that_is_gone_is_no_worker(store: Store, home: Home, time_now: Clock) -> None:
    worker(store, "silent")
    time_now.pass_(91)
    document = home.json("monitor")
    assert [one["state"] for one in document["workers"]] == ["gone"]
    assert document["warnings"] == ["no worker is running; unless cron starts one, run: leadq work"]


# --- Prometheus ---------------------------------------------------------------------------------------------------


def metrics(home: Home, *arguments: object) -> dict[str, dict[tuple[str, ...], float]]:
    text = home.leadq("monitor", "--format", "prometheus", *arguments).stdout
    families = list(text_string_to_metric_families(text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


def test_prometheus_reads_the_metrics(store: Store, home: Home, time_now: Clock) -> None:
    busy_home(store)
    hold(store)
    time_now.pass_(30)
    found = metrics(home, "--max", 4)  # ALERT, and all the same exit 0: what follows in cron must be done
    assert found["leadq_jobs"] == {
        (queue, state): count
        for queue, counts in {"default": (4, 0, 0), "high": (0, 0, 1), "reports": (0, 2, 0)}.items()
        for state, count in zip(("pending", "delayed", "reserved"), counts, strict=True)
    }
    assert found["leadq_held_jobs"] == {("default",): 1, ("high",): 0, ("reports",): 0}
    assert found["leadq_oldest_pending_seconds"] == {("default",): 100, ("high",): 0, ("reports",): 0}
    assert found["leadq_failed_jobs"] == {("default",): 1, ("high",): 0, ("reports",): 0}
    assert found["leadq_jobs_per_minute"][("default",)] == pytest.approx(12 / 5.5, abs=0.001)
    assert found["leadq_mean_run_seconds"] == {("default",): 0.04}
    assert found["leadq_queue_paused"] == {("default",): 0, ("high",): 0, ("reports",): 1}
    assert found["leadq_queue_alert"] == {("default",): 1, ("high",): 0, ("reports",): 0}
    assert found["leadq_workers"] == {("gone",): 0, ("paused",): 0, ("busy",): 1, ("idle",): 0}
    assert found["leadq_mail_outage"] == {(): 1}
    assert found["leadq_mail_outage_seconds"] == {(): 30}


def test_large_numbers_are_told_in_full(store: Store, home: Home, time_now: Clock) -> None:
    enqueue(store, age=12_345_678)
    assert metrics(home)["leadq_oldest_pending_seconds"] == {("default",): 12_345_678}


def test_any_name_of_a_queue_is_a_label(home: Home) -> None:
    plain = ['a "b" \\c\\', "日本 {x} #,="]
    for name in (*plain, "a\nb\x1b[2J"):
        home.insert_job({"job": "x"}, queue=name)
    result = home.leadq("monitor", "--format", "prometheus")
    assert "\x1b" not in result.stdout
    assert set(metrics(home)["leadq_failed_jobs"]) == {
        ("default",),
        *((name,) for name in plain),
        ("a\\u000ab\\u001b[2J",),
    }


# --- usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [("--watch", "--json"), ("--watch", "--format", "prometheus"), ("--json", "--format", "prometheus")]
)
def test_what_excludes_each_other_is_wrong_usage(home: Home, arguments: tuple[str, ...]) -> None:
    result = home.leadq("monitor", *arguments, exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: leadq monitor ")


# --- on terminals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_a_terminal(home: Home, store: Store, columns: int) -> None:
    busy_home(store)
    enqueue(store, 1234, queue="a-queue-with-a-rather-long-name")
    screen = Terminal(home, "monitor", "--max", 100, columns=columns).end()
    assert screen.exit_code == 1
    plain = [line.rstrip() for line in COLOURS.sub("", screen.text).splitlines()]
    assert max(map(len, plain)) <= columns
    table = "\n".join(itertools.dropwhile(bool, plain))
    assert "1,234" in table
    assert "default-1"[:7] in table
    assert "Note" in table  # the worker's job, on a line of its own where there is no room beside it


def test_a_pipe_gets_whole_lines(home: Home, store: Store) -> None:
    name = "q" * 90
    enqueue(store, queue=name)
    home.environment["COLUMNS"] = "40"
    assert name in home.run("monitor").stdout


def test_a_setting_of_the_mail_that_a_person_must_mend_is_a_warning(staffed: Home) -> None:
    staffed.environment |= {"MAIL_MAILER": "smtp", "MAIL_HOST": "127.0.0.1", "MAIL_FROM_ADDRESS": "leads@acme.example"}
    create_lead(staffed)
    with MailServer(starttls=None) as server:
        staffed.environment |= {"MAIL_PORT": str(server.port), "MAIL_USERNAME": "leadq", "MAIL_PASSWORD": "secret"}
        staffed.leadq("work", "--once")
    (config, _) = staffed.json("monitor")["warnings"]
    assert config.startswith("a job waits for a setting of the mail to be mended: DeliveryError: ")
    assert "offers no encryption" in config
