"""What reaches the screen: nothing harmful from data, whole tables in pipes, colour on terminals alone."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from tests.cli.conftest import Terminal, create_lead, insert_failed, lines
from tests.homes import Home

HOSTILE = "[red]x[/red]\x1b[2J\x1b]0;title\x07\x9b5m\x7f\u202egnp\u2066\u200b\u2028y\r\nBcc: v@example.com"
PAYLOAD = json.dumps({"job": HOSTILE, "displayName": HOSTILE, "data": {"lead_id": HOSTILE}}, ensure_ascii=False)
HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
LOOKS: list[tuple[str, ...]] = [
    ("lead", "list"),
    ("lead", "show", "1"),
    ("lead", "preview", "1"),
    ("lead", "preview", "1", "--html"),
    ("user", "list"),
    ("jobs",),
    ("jobs", "1"),
    ("jobs", "2"),
    ("size",),
    ("monitor",),
    ("failed",),
    ("failed", "1"),
    ("failed", "--group"),
    ("doctor",),
    ("retry", "all", "--dry-run"),
    ("retry", "all"),
    ("test",),
    ("lead", "assign", "1", "1"),
    ("user", "deactivate", "1"),
    ("work", "--stop-when-empty"),
    ("-v", "work", "--stop-when-empty"),
]
each_look = pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
OUR_COLOURS = re.compile(r"\x1b\[(?:[0-9]{1,2})?(?:;[0-9]{1,3})*m")
A_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38)(?:;\d+)*m")


def harm_in(text: str) -> set[str]:
    """The characters that must not reach a screen."""
    return {character for character in text if unicodedata.category(character) in HARMFUL} - {"\n"}


@pytest.fixture
def hostile(staffed: Home) -> Home:
    """A home where every text that a stranger can write is hostile."""
    create_lead(staffed, HOSTILE, "--phone", HOSTILE, "--company", HOSTILE, "--source", HOSTILE, "--message", HOSTILE)
    staffed.leadq("user", "create", "--name", HOSTILE, "--email", "mal@example.com")
    staffed.insert_job(PAYLOAD)
    staffed.insert_job(HOSTILE, queue=HOSTILE)
    insert_failed(staffed, HOSTILE[:20], queue=HOSTILE, payload=PAYLOAD, exception=f"{HOSTILE}: {HOSTILE}\n{HOSTILE}")
    return staffed


@each_look
def test_data_does_no_harm_in_a_pipe(hostile: Home, arguments: tuple[str, ...]) -> None:
    result = hostile.leadq(*arguments)
    assert harm_in(result.stdout) == set()
    assert harm_in(result.stderr) == set()


@each_look
def test_data_does_no_harm_where_colour_is_forced(hostile: Home, arguments: tuple[str, ...]) -> None:
    hostile.environment["FORCE_COLOR"] = "1"
    result = hostile.leadq(*arguments)
    assert harm_in(OUR_COLOURS.sub("", result.stdout + result.stderr)) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("lead", "list"),
        ("lead", "show", "1"),
        ("jobs",),
        ("monitor",),
        ("failed",),
        ("failed", "1"),
        ("failed", "--group"),
        ("doctor",),
        ("work", "--stop-when-empty"),
    ],
    ids=" ".join,
)
def test_data_does_no_harm_on_a_terminal(hostile: Home, arguments: tuple[str, ...]) -> None:
    screen = Terminal(hostile, *arguments).end()
    assert screen.exit_code == 0
    assert harm_in(OUR_COLOURS.sub("", screen.text)) == set()
    assert b"\x1b[2J" not in screen.raw


@pytest.mark.parametrize("arguments", [look for look in LOOKS if "--html" not in look], ids=" ".join)
def test_data_does_no_harm_in_json_and_comes_back_whole(hostile: Home, arguments: tuple[str, ...]) -> None:
    result = hostile.leadq(*arguments, "--json")
    assert harm_in(result.stdout) == set()
    for document in result.stdout.splitlines() if "work" in arguments else [result.stdout]:
        json.loads(document)
    if arguments == ("lead", "list"):
        assert result.json["leads"][0]["name"] == HOSTILE


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("mailer", ["file", "log"])
def test_data_does_no_harm_in_the_log(hostile: Home, format_: str, mailer: str) -> None:
    hostile.environment |= {"LOG_FORMAT": format_, "LOG_LEVEL": "debug", "MAIL_MAILER": mailer}
    for arguments in LOOKS:
        hostile.leadq(*arguments)
    hostile.leadq("forget", "all")
    assert len(hostile.log.splitlines()) > 10
    assert harm_in(hostile.log) == set()


def test_no_line_of_a_hostile_error_passes_for_a_record_of_the_log(home: Home) -> None:
    home.add_module(
        "hostile_jobs",
        "from dataclasses import dataclass\nfrom leadq.job import Job\n\n\n"
        "@dataclass\nclass Hostile(Job):\n    def handle(self, context):\n"
        "        context.log.info('a\\n[2026-01-01 00:00:00] local.ERROR: fake %s', '\\x1b[2J')\n"
        "        raise ValueError('b\\n[2026-01-01 00:00:00] local.ERROR: fake \\x1b[2J\\u202e')\n",
    )
    home.insert_job({"job": "Hostile"})
    home.leadq("work", "--once", "--tries", "1")
    assert not [line for line in home.log.splitlines() if line.startswith("[2026-01-01 00:00:00]")]
    assert harm_in(home.log) == set()
    shown = home.leadq("failed", 1).stdout
    assert harm_in(shown) == set()
    assert "ValueError: b [2026-01-01 00:00:00] local.ERROR: fake [2J" in shown


def test_square_brackets_of_a_name_are_no_markup(staffed: Home) -> None:
    create_lead(staffed, "[red]Bo[/red] [link=http://x]y[/link] :smile:")
    assert "[red]Bo[/red] [link=http://x]y[/link] :smile:" in staffed.leadq("lead", "list").stdout


def test_a_name_in_any_language_is_shown_as_it_is(staffed: Home) -> None:
    name = "Zoë 李雷 مریم\u200cها \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    create_lead(staffed, name)
    assert name in staffed.leadq("lead", "list").stdout
    assert name in staffed.leadq("lead", "show", 1).stdout
    assert staffed.json("lead", "list")["leads"][0]["name"] == name


def test_a_piped_table_is_whole(home: Home) -> None:
    error = "OSError: " + "x" * 300 + " the end"
    insert_failed(home, "u", exception=error, queue="q" * 100)
    home.environment["COLUMNS"] = "40"
    for output in (home.leadq("failed").stdout, home.run("failed").stdout):
        assert len(lines(output)) == 3
        assert error in output
        assert "q" * 100 in output


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_is_fitted_to_a_terminal_with_a_line_a_row(home: Home, columns: int) -> None:
    insert_failed(home, "u", exception="OSError: " + "x" * 300)
    screen = Terminal(home, "failed", columns=columns).end()
    _, _, row, _ = screen.text.splitlines()
    assert columns - 3 <= len(OUR_COLOURS.sub("", row)) <= columns
    assert "…" in row
    assert "default" in row


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_a_pipe_has_no_colour_unless_it_is_forced(staffed: Home, environment: dict[str, str], coloured: bool) -> None:
    create_lead(staffed)
    staffed.environment |= environment
    assert bool(A_COLOUR.search(staffed.leadq("jobs").stdout)) == coloured
    assert bool(A_COLOUR.search(staffed.leadq("lead", "show", 9, exit_code=1).stderr)) == coloured
    assert bool(A_COLOUR.search(staffed.leadq("work", "--once").stdout)) == coloured


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)]
)
def test_a_terminal_has_colour_unless_it_is_refused(staffed: Home, environment: dict[str, str], coloured: bool) -> None:
    create_lead(staffed)
    staffed.environment |= environment
    assert bool(A_COLOUR.search(Terminal(staffed, "jobs").end().text)) == coloured
    assert bool(A_COLOUR.search(Terminal(staffed, "lead", "show", "9").end().text)) == coloured


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("lead", "list"), ("lead", "list", "--limit", "5000"), ("lead", "list", "--json"), ("size",)],
    ids=" ".join,
)
def test_a_reader_that_has_gone_leaves_no_traceback(staffed: Home, arguments: tuple[str, ...]) -> None:
    staffed.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO leads (name, email, created_at) SELECT 'Lead ' || i, 'bo@example.com', 0 FROM n"
    )
    process = staffed.start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1


def test_head_gets_its_line_and_no_complaint(staffed: Home) -> None:
    staffed.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO leads (name, email, created_at) SELECT 'Lead ' || i, 'bo@example.com', 0 FROM n"
    )
    process = staffed.start("lead", "list", "--limit", "5000")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("  id  name")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()


def test_a_worker_whose_lines_nobody_reads_does_its_job_all_the_same(staffed: Home) -> None:
    create_lead(staffed)
    process = staffed.start("work", "--once")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()
    assert (len(staffed.mails), staffed.count("jobs")) == (1, 0)


def test_results_go_to_stdout_and_everything_else_to_stderr(staffed: Home) -> None:
    created = staffed.run("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    assert (created.stdout.count("\n"), created.stderr) == (1, "")
    refused = staffed.run("lead", "show", "9", exit_code=1)
    assert (refused.stdout, refused.stderr) == ("", "Error: there is no lead 9\n  See: leadq lead list\n")


def test_a_terminal_that_lacks_a_letter_is_no_reason_to_fail(staffed: Home) -> None:
    create_lead(staffed, "Zoë 李")
    staffed.environment |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    result = staffed.run("lead", "list")
    assert "Zo\\xeb" in result.stdout
    assert "Traceback" not in result.stderr
