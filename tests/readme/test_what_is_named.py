"""What README.md names between its blocks is there: commands, options, settings, files. Exit codes are as it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from leadq.app import App
from leadq.cli import COMMANDS, cli
from leadq.settings_keys import KEYS
from tests.homes import Home
from tests.readme.blocks import README, ROOT, claim

PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
SPANS = [" ".join(span.replace(r"\|", "|").split()) for span in re.findall(r"`([^`]+)`", PROSE)]
PLACEHOLDERS = {
    "ID…|all": "1",
    "QUEUE…|--all": "--all",
    "ID…": "1",
    "ID": "1",
    "QUEUES": "default",
    "ADDRESS": "ana@example.com",
    "COMMAND": "size",
    "…": "size",
}
OWN_VARIABLES = {"LEADQ_HOME"}  # of the environment alone, hence no setting
(TREE,) = claim(section="Architecture")

# --- command lines ---------------------------------------------------------------------------------


def command_lines() -> list[str]:
    """Each span that is a command of leadq's with something behind it, without `leadq`."""
    after_leadq = [match[1] for span in SPANS if (match := re.search(r"(?:^|[ /])leadq (?!-[\w-]*$)(.+)", span))]
    named_alone = re.compile(r"[a-z]+ [a-z]+")  # such as `user create`, in the table
    commands = [
        span for span in SPANS if span.split()[0] in COMMANDS and " " in span and not named_alone.fullmatch(span)
    ]
    return list(dict.fromkeys(after_leadq + commands))


def parsed(line: str) -> None:
    """Has Click parse a command line, down to its last option, and runs nothing."""
    bare = line.replace("[", "").replace("]", "")
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(bare)]
    context = cli.make_context("leadq", words, obj=App())
    while isinstance(context.command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, command, words = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, words, parent=context)


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_can_be_typed(line: str) -> None:
    parsed(line)


def test_a_command_line_that_cannot_be_typed_would_be_found() -> None:
    for line in ("retyr all", "retry all --sprad 10m", "work --timeout soon", "lead show", "lead lost"):
        with pytest.raises(click.UsageError):
            parsed(line)


# --- the table of commands -------------------------------------------------------------------------


def rows() -> dict[str, str]:
    """The commands of each row of the table, and the whole row."""
    table = README.partition("## Commands")[2].partition("\n## ")[0].replace(r"\|", "|")
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {line.split("` | ")[0].removeprefix("| ") + "`": line for line in lines}


def commands_of(cell: str) -> list[click.Command]:
    """`user create`, `list` → both commands."""
    found: list[click.Command] = []
    group: click.Group | None = None
    for span in re.findall(r"`([a-z -]+)", cell):
        first, *more = span.split()
        context = click.Context(cli)
        command = cli.get_command(context, first) if first in COMMANDS else None
        if isinstance(command, click.Group):
            group, first = command, more[0]
        if group is not None:
            command = group.get_command(context, first)
        assert command is not None, span
        found.append(command)
    return found


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


@pytest.mark.parametrize("cell", rows())
def test_the_options_of_a_row_are_those_of_its_commands(cell: str) -> None:
    named = {option for span in re.findall(r"`([^`]+)`", rows()[cell]) for option in re.findall(r"--[a-z-]+", span)}
    assert named <= set().union(*map(options_of, commands_of(cell)), options_of(cli))


def test_the_row_of_the_worker_has_all_its_options() -> None:
    (work,) = commands_of("`work`")
    assert set(re.findall(r"--[a-z-]+", rows()["`work`"])) == options_of(work)


def test_every_command_and_subcommand_has_a_row() -> None:
    told = {id(command) for cell in rows() for command in commands_of(cell)}
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        wanted = [command.get_command(context, one) for one in inner] or [command]
        assert {id(one) for one in wanted} <= told, name


def test_every_option_that_is_named_anywhere_is_one() -> None:
    context = click.Context(cli)
    known = options_of(cli) | {"--help"}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        for one in [command, *(command.get_command(context, each) for each in inner)]:
            known |= options_of(one)
    spans = [span for span in SPANS if span.startswith("--")]
    assert {option for span in spans for option in re.findall(r"--[a-z-]+", span)} <= known


def test_exit_codes_are_as_the_page_says(home: Home) -> None:
    page = " ".join(README.split())
    assert "The exit code is 0 when the thing was done, 1 when it could not be, 2 for wrong usage." in page
    assert "It exits with code 12 over `--memory` (128 MB)" in page
    home.leadq("size", exit_code=0)
    home.leadq("lead", "show", 7, exit_code=1)
    home.leadq("lead", "show", "seven", exit_code=2)
    home.insert_job("an undecodable row")
    home.leadq("work", "--memory", 1, exit_code=12)


# --- settings and files ----------------------------------------------------------------------------


def test_every_setting_that_is_named_is_one() -> None:
    named = {match[1] for span in SPANS if (match := re.match(r"([A-Z]+_[A-Z_]+)(=.*)?$", span))}
    assert {"MAIL_OUTAGE", "DB_QUEUE_RETRY_AFTER"} <= named
    assert named <= {*KEYS, *OWN_VARIABLES}


def is_there(name: str) -> bool:
    """Whether a file or folder is in the project, seen from its top, from leadq/ or among the samples or templates."""
    places = ("", "leadq", "supervisor", "leadq/mail/templates")
    return any((ROOT / place / name).exists() for place in places)


def test_every_file_of_the_project_that_is_named_is_there() -> None:
    folder = r"(?:leadq|store|tests|supervisor|\.ci)/[\w./*-]*"
    sample = r"leadq-worker[\w@.-]+|leadq\.(?:crontab|logrotate)|lead_created\.[\w.]+|\w+\.toml"
    named = {span for span in SPANS if re.fullmatch(f"{folder}|{sample}", span)}
    assert len(named) >= 8
    assert [span for span in sorted(named) if not is_there(span)] == []


def test_the_tree_names_files_that_are_there_and_every_folder() -> None:
    missing = []
    folders = set()
    for line in TREE.text.splitlines()[1:]:
        inside = match[1] if (match := re.match(r"  (\w+)/ ", line)) else ""
        folders |= {inside}
        for name in re.findall(r"\b[\w.]+\.(?:py|example)\b|\b\w+/", line):
            places = (ROOT, ROOT / "leadq", ROOT / "leadq" / inside)
            if not any((place / name).exists() for place in places) and not (ROOT / f".{name}").exists():
                missing.append(name)
    assert missing == []
    packages = {path.parent.name for path in Path(ROOT / "leadq").glob("*/__init__.py")}
    assert packages <= folders
