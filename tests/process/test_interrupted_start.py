"""Ctrl-C before a command has begun, and after it has ended."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.homes import Home, Result

pytestmark = pytest.mark.sqlite_only("about signals, whatever the store")

# Runs leadq as `python -m leadq` does, and interrupts it where the code in between says.
PROGRAM = """
import atexit, runpy, signal, sys
signal.signal(signal.SIGINT, {handler})

class InterruptedImport:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, InterruptedImport)
if {module!r} == "at the end":
    atexit.register(signal.raise_signal, signal.SIGINT)
runpy.run_module("leadq", run_name="__main__", alter_sys=True)
"""


def interrupted(home: Home, module: str, handler: str = "signal.default_int_handler") -> Result:
    """`leadq size` with a SIGINT at the import of a module, or at the end."""
    program = PROGRAM.format(module=module, handler=handler)
    return home.ended(home.spawn([sys.executable, "-c", program, "size"]))


@pytest.mark.parametrize("module", ["leadq.cli", "click", "leadq.app", "at the end"])
def test_where_no_command_runs_an_interrupt_ends_it_without_a_word(home: Home, module: str) -> None:
    ended = interrupted(home, module)
    assert ended.exit_code == -signal.SIGINT
    assert ended.stderr == ""


def test_a_command_that_is_interrupted_says_so(home: Home) -> None:
    ended = interrupted(home, "leadq.commands.size")
    assert ended.exit_code == 1
    assert ended.stderr == "Error: interrupted\n"


@pytest.mark.parametrize("module", ["leadq.cli", "leadq.commands.size", "at the end"])
def test_what_is_started_with_interrupts_ignored_goes_on_ignoring_them(home: Home, module: str) -> None:
    ended = interrupted(home, module, handler="signal.SIG_IGN")
    assert ended.exit_code == 0
    assert ended.stderr == ""
    assert ended.stdout != ""
