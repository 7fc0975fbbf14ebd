"""What an admin sees who types the commands of a `console` block on a terminal."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect

from tests.homes import PATIENCE_SECONDS, Home
from tests.readme.blocks import Block

PROGRAMS = Path(sys.executable).parent
PROMPT = "$ "
ROWS, COLUMNS = 40, 100
STYLING = re.compile(r"\x1b\[[\d;]*m")

# all that may differ from one run to the next, and from what README.md shows
CHANGING = [
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
        (r"host:pid +", "host:pid  "),
        (r"\S+:\d+ +(?=default)", "<host:pid>  "),
        (r" +\d+s$", "  <seconds>"),  # since a worker was seen
    )
]


def settled(text: str) -> str:
    """A text with what changes from run to run replaced by what it is."""
    for pattern, replacement in CHANGING:
        text = pattern.sub(replacement, text)
    return text


def type_out(block: Block, home: Home, *, before_each: Callable[[], None]) -> list[int]:
    """Types a block's commands and fails where what is shown is not what the block shows; their exit codes.

    Args:
        block: commands behind `$ `, each with its output below.
        home: where they are typed.
        before_each: is called before each command, so that it finds what an admin would, who types more slowly.
    """
    shown: list[str] = []
    exit_codes: list[int] = []
    for line in block.text.splitlines():
        if line.startswith(PROMPT):
            before_each()
            output, exit_code = _typed(line.removeprefix(PROMPT), home)
            shown += [line, *output]
            exit_codes.append(exit_code)
    told = block.text.replace(f"\n\n{PROMPT}", f"\n{PROMPT}")  # an empty line before a prompt is for the reader
    wanted, seen = settled(told).splitlines(), settled("\n".join(shown)).splitlines()
    if wanted != seen:
        print("\n".join(shown))  # pytest shows it below the difference, to be copied into README.md
        difference = "\n".join(difflib.unified_diff(wanted, seen, "README.md", "leadq", lineterm="", n=99))
        raise AssertionError(f"{block}\n{difference}")
    return exit_codes


def _typed(command: str, home: Home) -> tuple[list[str], int]:
    environment = {**os.environ, **home.environment, "COLUMNS": str(COLUMNS), "TERM": "xterm", "NO_COLOR": "1"}
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    child = pexpect.spawn(
        "bash",
        ["--norc", "-c", command],
        cwd=str(home.path),
        env=environment,
        dimensions=(ROWS, COLUMNS),
        timeout=PATIENCE_SECONDS,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    lines = STYLING.sub("", child.before).splitlines()
    return [line.rstrip() for line in lines], child.exitstatus
