"""The command line: global options, the list of commands, and errors turned into messages and exit codes.

Exit codes: 0 done; 1 could not; 2 wrong usage (Click's own message); `work` also 12, over its memory limit.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from leadq import __version__
from leadq.app import App
from leadq.failures import report_failure

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETION_VARIABLE = "_LEADQ_COMPLETE"  # set by the shell where it completes a line

# name → the module that holds it, and its line in `leadq --help`: spelled out so that help imports no command
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("leadq.commands.init", "Make a folder the home of a queue."),
    "migrate": ("leadq.commands.migrate", "Bring the database up to date."),
    "demo": ("leadq.commands.demo", "Show the whole story in ten seconds, without any set-up."),
    "doctor": ("leadq.commands.doctor", "Look for whatever keeps mails from going out."),
    "user": ("leadq.commands.user", "The colleagues who receive leads."),
    "lead": ("leadq.commands.lead", "Create leads and see what became of them."),
    "work": ("leadq.commands.work", "Run the jobs that are due."),
    "restart": ("leadq.commands.restart", "Have all workers end after their current job."),
    "pause": ("leadq.commands.pause", "Have workers take no more jobs of a queue."),
    "resume": ("leadq.commands.resume", "End the pause of a queue."),
    "jobs": ("leadq.commands.jobs", "List the waiting and running jobs."),
    "size": ("leadq.commands.size", "Print how many jobs there are."),
    "monitor": ("leadq.commands.monitor", "See at one look what waits, who works, and what is wrong."),
    "failed": ("leadq.commands.failed", "List the failed jobs."),
    "retry": ("leadq.commands.retry", "Put failed jobs back into their queues."),
    "forget": ("leadq.commands.forget", "Delete failed jobs."),
    "flush": ("leadq.commands.flush", "Delete all failed jobs."),
    "prune-failed": ("leadq.commands.prune_failed", "Delete failed jobs that are old."),
    "batches": ("leadq.commands.batches", "List the batches of jobs and how far they are."),
    "retry-batch": ("leadq.commands.retry_batch", "Put the failed jobs of batches back into their queues."),
    "cancel-batch": ("leadq.commands.cancel_batch", "Delete the waiting jobs of a batch."),
    "prune-batches": ("leadq.commands.prune_batches", "Delete batches that are old."),
    "clear": ("leadq.commands.clear", "Delete the waiting jobs of a queue."),
    "test": ("leadq.commands.test", "Send a test notification through the queue."),
}


class CommandList(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they are told."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command: its module holds it as `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands, or the global options, that begin so; importing none of them."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list for `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=CommandList,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: leadq demo, or leadq init. Every command explains itself: leadq COMMAND --help",
)
@click.option(
    "--home",
    metavar="DIR",
    help="The folder with .env and storage/.  [env: LEADQ_HOME; default: the nearest folder with a .leadq file]",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell more; show tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
@click.version_option(__version__, message="leadq %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: str | None, verbose: bool, quiet: bool) -> None:
    """Email each new sales lead to the right colleague, and never lose one."""
    app = App(home_option=home, verbose=verbose, quiet=quiet)
    ctx.obj = app
    ctx.call_on_close(app.close)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    _prepare_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        code = 1
    gc.freeze()  # the interpreter's last search for garbage would look through all that there is
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        from leadq.commands.completion import complete

        return complete(cli, COMPLETION_VARIABLE, instruction)
    app = App()
    try:
        with (
            _interruptible(),
            cli.make_context("leadq", list(sys.argv[1:] if arguments is None else arguments)) as ctx,
        ):
            try:
                cli.invoke(ctx)
            finally:
                app = ctx.obj or app
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        app.out.error("interrupted")
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise BrokenPipeError from error
        return report_failure(app, error)
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Inside, Ctrl-C raises KeyboardInterrupt, where `leadq.__main__` has left it to the kernel."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us: it must not become somebody's file
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(
                errors="backslashreplace"
            )  # a terminal that lacks a letter is no reason to fail


def _discard_output() -> None:
    """Keeps Python from complaining at exit that nobody reads stdout any more (docs.python.org, SIGPIPE)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
