"""Completion in the shell: Click's own for bash, zsh and fish, and the names of queues from the database.

Whatever goes wrong, nothing is said: somebody is typing a line.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, add_completion_class, shell_complete

from leadq.app import App
from leadq.settings_parsers import queue_name

LOOK_SECONDS = 0.5  # for so long one can wait for a key to take effect


def complete(command: click.Command, variable: str, instruction: str) -> int:
    """Prints a shell's script (`bash_source`) or the completions of the line that it tells (`bash_complete`).

    Args:
        command: the whole command line.
        variable: the environment variable that holds the instruction.
        instruction: as the shell gives it.
    """
    add_completion_class(_Bash)
    add_completion_class(_Fish)
    try:
        return shell_complete(command, {}, "leadq", variable, instruction)
    except Exception:  # noqa: BLE001 - see the module
        return 1


def complete_queue(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The queues whose names begin with `incomplete`."""
    return [CompletionItem(name) for name in _known_queues(ctx) if name.startswith(incomplete)]


def complete_queues(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The same for the last one of a comma-separated list: those that stand before it are not offered again."""
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    names = (name for name in _known_queues(ctx) if name.startswith(last) and name not in taken)
    return [CompletionItem(f"{before}{comma}{name}") for name in names]


class _Bash(BashComplete):
    """Bash makes a word of its own of the `=` in `--queue=high`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [word for word in args if word != "="], incomplete


class _Fish(FishComplete):
    """Click's script for fish takes what stands after a comma for another field."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


def _known_queues(ctx: click.Context) -> list[str]:
    app = App(home_option=ctx.find_root().params.get("home"))
    found: list[str] = []

    def look() -> None:
        with contextlib.suppress(Exception):
            found.append(app.settings.default_queue)
            found.extend(app.store.queue_names.all())
            app.close()

    thread = threading.Thread(target=look, daemon=True)  # nobody waits for it at the end
    thread.start()
    thread.join(LOOK_SECONDS)
    return sorted({*_harmless(found[:])})


def _harmless(names: Iterable[str]) -> Iterable[str]:
    """Those that can be typed: the shell puts them on the line, and Enter runs it."""
    for name in names:
        with contextlib.suppress(ValueError):
            yield queue_name(name)
