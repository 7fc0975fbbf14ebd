"""`pause`, `resume` and `restart`; and what other commands say of pauses."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Terminal, create_lead, lines
from tests.conftest import Clock
from tests.homes import Home
from tests.store.conftest import worker

pytestmark = pytest.mark.usefixtures("time_now")  # ages are told in seconds

REASON = ("--reason", "mail is down")


def paused(home: Home) -> list[str | None]:
    with home.store() as store:
        return [pause.queue for pause in store.control.pauses()]


def test_a_queue_is_paused_and_resumed(home: Home, time_now: Clock) -> None:
    result = home.leadq("pause", "high")
    assert result.stdout == "Paused the [high] queue.\n"
    assert result.stderr == "Jobs that are running go on to their end. To go on: leadq resume high\n"
    assert paused(home) == ["high"]
    time_now.pass_(300)
    result = home.leadq("resume", "high")
    assert (result.stdout, result.stderr) == ("Resumed: high, paused 5m ago\n", "")
    assert paused(home) == []


def test_several_queues_are_named_in_any_way(home: Home) -> None:
    assert home.leadq("pause", "high, low", "a", "high").stdout == "Paused the [high, low, a] queues.\n"
    assert paused(home) == ["a", "high", "low"]
    result = home.leadq("resume", "low,a")
    assert lines(result.stdout) == ["Resumed: low, paused now", "Resumed: a, paused now"]
    assert result.stderr == "Paused: high, now\n"


def test_a_pause_for_a_while_says_until_when_and_ends_by_itself(home: Home, time_now: Clock) -> None:
    home.environment["APP_TIMEZONE"] = "Europe/Berlin"
    said = home.leadq("pause", "high", "--for", "10m", *REASON).stdout
    assert said == "Paused the [high] queue until 2027-01-15 09:10:00.\n"
    time_now.pass_(60)
    assert home.leadq("size").stderr == "Paused: high, 1m ago, resumes by itself in 9m (mail is down)\n"
    time_now.pass_(540)
    assert home.leadq("size").stderr == ""
    assert home.leadq("resume", "high").stdout == "high was not paused.\n"


def test_all_queues_are_paused_and_resumed(home: Home) -> None:
    result = home.leadq("pause", "--all", *REASON)
    assert result.stdout == "Paused all queues.\n"
    assert result.stderr.endswith("To go on: leadq resume --all\n")
    assert home.leadq("resume", "--all").stdout == "Resumed: all queues, paused now (mail is down)\n"
    assert home.leadq("resume", "--all").stdout == "Nothing was paused.\n"


def test_resume_all_ends_every_pause_and_names_each(home: Home) -> None:
    home.leadq("pause", "low", *REASON)
    home.leadq("pause", "--all")
    result = home.leadq("resume", "--all")
    assert lines(result.stdout) == ["Resumed: all queues, paused now", "Resumed: low, paused now (mail is down)"]
    assert (paused(home), result.stderr) == ([], "")


def test_one_queue_cannot_go_on_while_all_are_paused(home: Home) -> None:
    home.leadq("pause", "high", "low")
    home.leadq("pause", "--all", *REASON)
    result = home.leadq("resume", "high", exit_code=1)
    message = "the [high] queue stays paused with all queues, now (mail is down)"
    hint = "Resume everything with: leadq resume --all (and then pause anew what should wait)"
    assert (result.stdout, result.stderr) == ("", f"Error: {message}\n  {hint}\n")
    assert paused(home) == [None, "low"]  # its own pause is over: it goes on with the others
    refusal = home.json("resume", "high", exit_code=1)
    assert refusal == {"error": {"type": "StillPaused", "message": message, "hint": hint}}
    assert "the [high, low] queues stay paused" in home.leadq("resume", "high,low", exit_code=1).stderr


def test_resuming_the_wrong_queue_says_what_stays_paused(home: Home) -> None:
    home.leadq("pause", "high")
    result = home.leadq("resume", "hihg")
    assert (result.stdout, result.stderr) == ("hihg was not paused.\n", "Paused: high, now\n")


def test_pausing_again_is_no_error_and_says_anew_why(home: Home, time_now: Clock) -> None:
    home.leadq("pause", "high", "--for", "1h")
    time_now.pass_(60)
    document = home.json("pause", "high", *REASON)
    pause = {"queue": "high", "since": "2027-01-15T08:00:00Z", "until": None, "reason": "mail is down"}
    assert document == {"paused": [pause]}


def test_pauses_as_json(home: Home, time_now: Clock) -> None:
    home.leadq("pause", "other")
    document = home.json("pause", "--all", "--for", "90", *REASON)
    pause = {"queue": None, "since": "2027-01-15T08:00:00Z", "until": "2027-01-15T08:01:30Z", "reason": "mail is down"}
    assert document == {"paused": [pause]}
    assert [one["queue"] for one in home.json("resume", "--all")["resumed"]] == [None, "other"]
    assert home.json("resume", "--all") == {"resumed": []}
    assert home.json("resume", "high") == {"resumed": []}


def test_a_part_of_a_second_is_a_second(home: Home, time_now: Clock) -> None:
    assert home.json("pause", "high", "--for", "0.1")["paused"][0]["until"] == "2027-01-15T08:00:01Z"


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Give the names of queues, or --all."),
        (("high", "--all"), "QUEUE and --all exclude each other."),
        (("all",), "`all` would be the name of one queue here. For all queues type --all."),
        (("high,all",), "`all` would be the name of one queue here."),
        (("a b",), "'a b': expected a queue name of letters, digits and . _ - : (at most 100)"),
        ((" , ",), "expected at least one queue name"),
        (("\x1b[31m",), "expected a queue name"),
        (("x" * 101,), "expected a queue name"),
    ],
    ids=str,
)
def test_bad_names_are_wrong_usage(home: Home, command: str, arguments: tuple[str, ...], complaint: str) -> None:
    result = home.leadq(command, *arguments, exit_code=2)
    assert complaint in " ".join(result.stderr.split())
    assert "\x1b" not in result.stderr
    assert paused(home) == []


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--for", "soon", "'soon' is not a duration"),
        ("--for", "0", "expected more than 0 seconds"),
        ("--for", "-5", "'-5' is not a duration"),
        ("--for", "99999d", "'99999d' is too long; expected at most ten years"),
        ("--reason", " ", "expected a text that is not empty"),
    ],
)
def test_bad_options_are_wrong_usage(home: Home, option: str, value: str, complaint: str) -> None:
    result = home.leadq("pause", "high", option, value, exit_code=2)
    assert complaint in " ".join(result.stderr.split())
    assert paused(home) == []


def test_a_reason_is_made_harmless_and_short(home: Home) -> None:
    home.leadq("pause", "high", "--reason", "\x1b[2J[red]\nB\u202eA" + "x" * 1000)
    (pause,) = home.json("pause", "high", "--reason", "\x1b[2J[red]\nB\u202eA" + "x" * 1000)["paused"]
    assert pause["reason"].startswith("[2J[red] B A")
    assert len(pause["reason"]) == 500
    assert "\x1b" not in home.leadq("size").stderr


def test_size_as_json_tells_which_queues_are_paused(staffed: Home) -> None:
    create_lead(staffed)
    create_lead(staffed, "Bo", "--queue", "high")
    staffed.leadq("pause", "high")
    queues = staffed.json("size")["queues"]
    assert {name: queue["paused"] for name, queue in queues.items()} == {"default": False, "high": True}
    staffed.leadq("pause", "low")  # which has no jobs
    assert staffed.json("size")["queues"]["low"] == dict.fromkeys(("size", "pending", "delayed", "reserved"), 0) | {
        "paused": True
    }
    staffed.leadq("pause", "--all")
    queues = staffed.json("size", "--queue", "default,none")["queues"]
    assert {name: queue["paused"] for name, queue in queues.items()} == {"default": True, "none": True}


def test_size_and_jobs_remark_on_pauses_of_the_queues_that_they_show(staffed: Home) -> None:
    create_lead(staffed)
    staffed.leadq("pause", "high", *REASON)
    remark = "Paused: high, now (mail is down)\n"
    assert (staffed.leadq("size").stdout, staffed.leadq("size").stderr) == ("1\n", remark)
    assert staffed.leadq("size", "--queue", "default").stderr == ""
    assert staffed.leadq("jobs").stderr == remark
    assert staffed.leadq("jobs", "--queue", "high").stderr == remark
    assert staffed.leadq("jobs", "--queue", "default").stderr == ""
    assert staffed.leadq("-q", "jobs").stderr == ""


def test_what_was_paused_and_resumed_is_logged(home: Home) -> None:
    home.leadq("pause", "high,low", "--for", "1m", *REASON)
    home.leadq("pause", "--all")
    home.leadq("resume", "--all")
    assert 'Queues paused {"queues": "high,low", "seconds": 60.0, "reason": "mail is down"}' in home.log
    assert 'Queues paused {"queues": "all", "seconds": null, "reason": null}' in home.log
    assert 'Queues resumed {"queues": "all,high,low"}' in home.log


def test_where_jobs_run_at_once_a_pause_holds_nothing_and_says_so(staffed: Home) -> None:
    staffed.environment["QUEUE_CONNECTION"] = "sync"
    assert "Warning: with QUEUE_CONNECTION=sync jobs run at once" in staffed.leadq("pause", "--all").stderr
    create_lead(staffed)
    assert len(staffed.mails) == 1


def test_a_worker_takes_no_job_of_a_paused_queue_and_says_so(staffed: Home) -> None:
    create_lead(staffed)
    create_lead(staffed, "Bo", "--queue", "high")
    staffed.leadq("pause", "default", *REASON)
    told = staffed.leadq("work", "--stop-when-empty", "--queue", "default,high").stdout
    assert " Queue default PAUSED\n" in told
    assert staffed.sql("SELECT queue, attempts FROM jobs") == [("default", 0)]
    assert '"queue": "default"' in staffed.log.partition("WARNING: Queue paused")[2].splitlines()[0]
    staffed.leadq("resume", "default")
    assert "PAUSED" not in staffed.leadq("work", "--once").stdout
    assert staffed.count("jobs") == 0


@pytest.mark.parametrize("flag", ["--once", "--stop-when-empty"])
def test_a_worker_whose_queues_are_all_paused_ends_where_it_ends_when_there_is_nothing_to_do(
    staffed: Home, flag: str
) -> None:
    create_lead(staffed)
    staffed.insert_job({"job": "SendLeadCreatedEmail", "data": {"lead_id": 1}})
    staffed.leadq("pause", "--all")
    (line,) = staffed.leadq("work", flag, "--json").stdout.splitlines()
    document = json.loads(line)
    assert document.pop("timestamp")
    assert document == {"level": "warning", "queue": "default", "status": "paused"}
    assert staffed.sql("SELECT attempts FROM jobs") == [(0,), (0,)]


def test_a_test_that_is_waited_for_is_sent_past_a_pause(staffed: Home) -> None:
    create_lead(staffed)
    staffed.leadq("pause", "default")
    assert staffed.leadq("test").stderr.startswith("Paused: default, now\nA worker will send it.")
    with staffed.store() as store:
        worker(store)
        told = staffed.leadq("test", "--wait")
    assert told.stderr == "The queue default is paused, so it is sent right here.\n"
    assert "Sent as <leadq." in told.stdout
    assert (len(staffed.mails), staffed.count("jobs")) == (1, 2)


def test_restart_counts_the_workers_that_will_end(home: Home) -> None:
    assert home.leadq("restart").stdout == "No worker is running, so none has to end.\n"
    with home.store() as store:
        worker(store)
        store.workers.register(name="inline", queues=())  # a command that runs one job
        told = home.leadq("restart").stdout
        assert told == "1 worker ends after the current job; what keeps workers running starts them anew.\n"
        worker(store, "high", "low")
        assert home.json("restart") == {"workers": 2}
    assert 'Restart asked for {"workers": 2}' in home.log


def test_a_worker_that_starts_after_a_restart_does_not_heed_it(staffed: Home) -> None:
    create_lead(staffed)
    staffed.leadq("restart")
    staffed.leadq("work", "--stop-when-empty")
    assert len(staffed.mails) == 1


def test_on_a_terminal_a_long_reason_is_told_whole(home: Home) -> None:
    home.leadq("pause", "high", "--reason", "because " * 12)
    terminal = Terminal(home, "size", columns=40)
    terminal.see(("because " * 12).strip() + ")")
    assert terminal.end().exit_code == 0
