"""`leadq demo`."""

from __future__ import annotations

import sys

import click

from leadq.app import App
from leadq.commands.options import example, pass_app


@click.command(epilog=example("leadq demo"))
@pass_app
def command(app: App) -> None:
    """Show the whole story in ten seconds, without any set-up.

    Makes users and leads in a temporary home, runs a worker against a mail server of its own, shows a job
    that is tried again and one that fails and is mended, and a mail as it is received. Leaves nothing behind.
    """
    from leadq.demo.story import tell_story

    def say(text: str) -> None:
        app.out.heading(text)
        sys.stdout.flush()

    def show(text: str) -> None:
        app.out.line(text)
        sys.stdout.flush()

    tell_story(say, show)
    say("That was all. Begin with your own: leadq init")
