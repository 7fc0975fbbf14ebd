"""`clear`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Terminal, create_lead
from tests.homes import Home
from tests.store.conftest import claim, worker


@pytest.fixture
def busy(staffed: Home) -> Home:
    """Job 1 reserved, 2 pending and 3 delayed on default; 4 on high; 5 on low."""
    for options in ((), (), ("--delay", "1h"), ("--queue", "high"), ("--queue", "low")):
        create_lead(staffed, "Bo", *options)
    with staffed.store() as store:
        claim(store, worker_id=worker(store))
    return staffed


def left(home: Home) -> list[int]:
    return [job_id for (job_id,) in home.sql("SELECT id FROM jobs ORDER BY id")]


@pytest.mark.parametrize(
    ("options", "says", "note", "remain"),
    [
        (
            (),
            "Cleared 2 jobs from the [default] queue.\n",
            "1 reserved job was left to the workers.\n",
            [1, 4, 5],
        ),
        (("--queue", "high"), "Cleared 1 job from the [high] queue.\n", "", [1, 2, 3, 5]),
        (("--queue", "high,low"), "Cleared 2 jobs from the [high, low] queues.\n", "", [1, 2, 3]),
        (("--queue", "none"), "Cleared 0 jobs from the [none] queue.\n", "", [1, 2, 3, 4, 5]),
        (("--all",), "Cleared 4 jobs from all queues.\n", "1 reserved job was left to the workers.\n", [1]),
        (("--reserved",), "Cleared 3 jobs from the [default] queue.\n", "", [4, 5]),
        (("--all", "--reserved", "--force"), "Cleared 5 jobs from all queues.\n", "", []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_clear_deletes_the_waiting_jobs_and_says_what_it_left(
    busy: Home, options: tuple[str, ...], says: str, note: str, remain: list[int]
) -> None:
    result = busy.leadq("clear", *options)
    assert (result.stdout, result.stderr) == (says, note)
    assert left(busy) == remain


def test_clear_prints_json(busy: Home) -> None:
    assert busy.json("clear") == {"cleared": 2, "left_reserved": 1}
    assert busy.json("clear", "--all", "--reserved") == {"cleared": 3, "left_reserved": 0}
    assert busy.json("clear") == {"cleared": 0, "left_reserved": 0}


def test_the_default_queue_is_the_one_of_the_settings(busy: Home) -> None:
    busy.environment["DB_QUEUE"] = "high"
    assert busy.leadq("clear").stdout == "Cleared 1 job from the [high] queue.\n"


def test_leads_whose_jobs_were_cleared_wait_for_nothing(busy: Home) -> None:
    busy.leadq("clear")
    standing = {lead["id"]: lead["notification"] for lead in busy.json("lead", "list")["leads"]}
    assert standing == {1: "queued", 2: "none", 3: "none", 4: "queued", 5: "queued"}


def test_in_production_without_a_terminal_clear_refuses(busy: Home) -> None:
    busy.environment["APP_ENV"] = "production"
    result = busy.run("clear", exit_code=1)
    message = "the application is in production. This deletes the waiting jobs of the [default] queue."
    hint = "Add --force if that is what you want."
    assert (result.stdout, result.stderr) == ("", f"Error: {message}\n  {hint}\n")
    refusal = busy.run("clear", "--json", exit_code=1)
    assert refusal.json == {"error": {"type": "Refused", "message": message, "hint": hint}}
    assert left(busy) == [1, 2, 3, 4, 5]


def test_in_production_force_needs_no_answer(busy: Home) -> None:
    busy.environment["APP_ENV"] = "production"
    assert busy.run("clear", "--force").stdout == "Cleared 2 jobs from the [default] queue.\n"


@pytest.mark.parametrize(
    ("answer", "exit_code", "remain"), [("", 1, [1, 2, 3, 4, 5]), ("no", 1, [1, 2, 3, 4, 5]), ("yes", 0, [1, 4, 5])]
)
def test_in_production_clear_asks_on_a_terminal_and_takes_nothing_for_a_no(
    busy: Home, answer: str, exit_code: int, remain: list[int]
) -> None:
    busy.environment["APP_ENV"] = "production"
    terminal = Terminal(busy, "clear")
    terminal.answer("Are you sure you want to run this command? [y/N]: ", answer)
    screen = terminal.end()
    assert screen.exit_code == exit_code
    assert ("nothing was changed" in screen.text) == (exit_code == 1)
    assert left(busy) == remain


def test_what_was_cleared_is_logged(busy: Home) -> None:
    busy.leadq("clear")
    assert 'local.INFO: Jobs cleared {"queues": "default", "cleared": 2, "left_reserved": 1}' in busy.log
