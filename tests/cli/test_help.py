"""`--help`, `--version` and wrong usage."""

from __future__ import annotations

import re

import click
import pytest

from leadq import __version__
from leadq.app import App
from leadq.cli import COMMANDS, cli
from tests.homes import Home


def every_command() -> list[tuple[str, ...]]:
    """The path of every command and of every group."""
    paths: list[tuple[str, ...]] = []
    for name in COMMANDS:
        paths.append((name,))
        command = cli.get_command(click.Context(cli), name) if name not in MISSING else None
        if isinstance(command, click.Group):
            context = click.Context(command)
            paths += [(name, inner) for inner in command.list_commands(context)]
    return paths


def _missing() -> set[str]:
    """Commands whose module cannot be imported: their own tests say so, collection goes on."""
    from importlib.util import find_spec

    return {name for name, (module, _) in COMMANDS.items() if find_spec(module) is None}


MISSING = _missing()
PATHS = every_command()
ids = " ".join


@pytest.mark.parametrize("path", PATHS, ids=ids)
def test_every_command_explains_itself_with_an_example(no_home: Home, path: tuple[str, ...]) -> None:
    result = no_home.leadq(*path, "--help")
    assert result.stdout.startswith(f"Usage: leadq {' '.join(path)} ")
    assert "\n  Examples:\n" in result.stdout or "\n  Example:\n" in result.stdout
    examples = result.stdout.partition("Example")[2]
    assert re.search(rf"^    leadq (-\S+ )*{' '.join(path)}\b", examples, re.MULTILINE)
    assert result.stderr == ""
    assert no_home.leadq(*path, "-h").stdout == result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says_itself(no_home: Home, name: str) -> None:
    first = no_home.leadq(name, "--help").stdout.split("\n\n")[1]
    assert " ".join(first.split()) == COMMANDS[name][1]


def test_the_list_of_commands_is_whole(no_home: Home) -> None:
    result = no_home.leadq("--help")
    listed = re.findall(r"^  ([a-z-]+)  +(\S.*)$", result.stdout.partition("\nCommands:\n")[2], re.MULTILINE)
    assert listed == [(name, line) for name, (_, line) in COMMANDS.items()]


def test_help_needs_no_home_and_makes_none(no_home: Home) -> None:
    no_home.leadq("--help")
    no_home.leadq("lead", "create", "--help")
    assert list(no_home.path.iterdir()) == []


def test_the_version_is_printed(no_home: Home) -> None:
    assert no_home.leadq("--version").stdout == f"leadq {__version__}\n"


def test_options_with_a_default_show_it(no_home: Home) -> None:
    text = " ".join(no_home.leadq("work", "--help").stdout.split())
    for default in ("[default: 3; x>=0]", "[default: 60]", "[default: (60,360)]", "[default: 128; x>=0]", "DB_QUEUE]"):
        assert default in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nonsense",), "No such command 'nonsense'."),
        (("lead", "nonsense"), "No such command 'nonsense'."),
        (("--nonsense",), "No such option"),
        (("size", "--nonsense"), "No such option"),
        (("size", "more"), "Got unexpected extra argument (more)"),
        (("user", "create", "--name", "Ana"), "Missing option '--email'."),
        (("lead", "create", "--name", "Bo"), "Missing option '--email'."),
        (("lead", "create", "--email", "bo@example.com"), "Missing option '--name'."),
        (("lead", "show"), "Missing argument 'ID'."),
        (("lead", "show", "x"), "'x' is not a valid integer."),
        (("lead", "assign", "1"), "Missing argument 'USER'."),
        (("lead", "list", "--status", "lost"), "'lost' is not one of"),
        (("lead", "list", "--limit", "0"), "0 is not in the range x>=1."),
        (("lead", "list", "--since", "soon"), "'soon' is not a duration; expected seconds or 90s, 10m, 2h, 1d"),
        (("jobs", "--state", "lost"), "'lost' is not one of"),
        (("jobs", "--queue", " , "), "expected at least one queue name"),
        (("size", "--queue", "a b"), "'a b': expected a queue name of letters, digits and . _ - : (at most 100)"),
        (("monitor", "a b"), "'a b': expected a queue name of letters, digits and . _ - : (at most 100)"),
        (("monitor", "default,😀"), "'😀': expected a queue name of letters, digits and . _ - : (at most 100)"),
        (("monitor", " , "), "expected at least one queue name"),
        (("monitor", "high", "default"), "Got unexpected extra argument (default)"),
        (("monitor", "--max", "0"), "0 is not in the range x>=1."),
        (("monitor", "--max", "many"), "'many' is not a valid integer range."),
        (("monitor", "--max-age", "soon"), "'soon' is not a duration; expected seconds or 90s, 10m, 2h, 1d"),
        (("monitor", "--max-failed", "-1"), "-1 is not in the range x>=0."),
        (("monitor", "--format", "xml"), "'xml' is not"),
        (("work", "--tries", "-1"), "-1 is not in the range x>=0."),
        (("work", "--timeout", "-1"), "'-1' is not a duration"),
        (("work", "--backoff", "1,x"), "'x' is not a duration"),
        (("retry",), "Give the ids of failed jobs, or `all`. See: leadq failed"),
        (("retry", "all", "3"), "`all` and ids exclude each other."),
        (("retry", "3", "--queue", "high"), "--queue narrows `all`; it cannot be combined with ids."),
        (("retry", "all", "--range", "5"), "'5': expected two numbers such as 5-10"),
        (("forget",), "Give the ids of failed jobs, or `all`. See: leadq failed"),
        (("flush", "--hours", "-1"), "-1 is not in the range x>=0."),
        (("retry-batch",), "Missing argument 'ID…'."),
        (("cancel-batch",), "Missing argument 'ID'."),
        (("prune-batches", "--unfinished", "-1"), "-1 is not in the range x>=0."),
        (("clear", "--all", "--queue", "high"), "--queue and --all exclude each other."),
    ],
    ids=lambda value: ids(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("json", [(), ("--json",)], ids=["text", "json"])
def test_wrong_usage_exits_2_with_clicks_message_on_stderr(
    home: Home, arguments: tuple[str, ...], complaint: str, json: tuple[str, ...]
) -> None:
    result = home.leadq(*arguments, *json, exit_code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: leadq ")
    assert complaint in " ".join(result.stderr.split())


def test_without_a_command_the_help_is_shown_and_it_is_wrong_usage(no_home: Home) -> None:
    result = no_home.leadq(exit_code=2)
    assert "Commands:" in result.stdout + result.stderr


def test_an_unexpected_error_is_a_short_message_with_a_traceback_in_the_log_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: App) -> None:
        raise RuntimeError("[red]\x1b[2J boom")

    monkeypatch.setattr(App, "store", property(broken))
    result = home.leadq("size", exit_code=1)
    assert result.stdout == ""
    assert result.stderr == (
        "Error: unexpected RuntimeError: [red] [2J boom\n"
        "  This is a bug in leadq. Run the command again with -v for the traceback: leadq -v …\n"
    )
    assert "Traceback" in home.log
    assert "Traceback" in home.leadq("-v", "size", exit_code=1).stderr
