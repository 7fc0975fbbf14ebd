"""What the demo shows: real commands, run one after the other in a temporary home."""

from __future__ import annotations

import email
import email.policy
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leadq.demo.mail_server import DemoMailServer
from leadq.errors import LeadqError
from leadq.settings_keys import KEYS

ANA, BEN = "ana@demo.example", "ben@demo.example"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the story plays. `say` prints a remark, `show` a command."""

    home: Path
    environment: dict[str, str]
    say: Callable[[str], None]
    show: Callable[[str], None]

    def run(self, command: str) -> None:
        """Shows a command, and runs it."""
        self.show(f"$ {command}")
        arguments = [sys.executable, "-m", "leadq", *shlex.split(command)[1:]]
        done = subprocess.run(arguments, cwd=self.home, env=self.environment, check=False)  # noqa: S603 - ours
        if done.returncode != 0:
            raise LeadqError(f"the demo's command ended with exit code {done.returncode}: {command}")


def tell_story(say: Callable[[str], None], show: Callable[[str], None]) -> None:
    """Plays the whole story. Leaves nothing behind.

    Args:
        say: called with each remark.
        show: called with each command before it runs, and with the lines of the mail at the end.
    """
    with tempfile.TemporaryDirectory(prefix="leadq-demo-") as folder, DemoMailServer() as server:
        stage = Stage(home=Path(folder), environment=_environment(server.port), say=say, show=show)
        say(f"A home in {folder} and a mail server on 127.0.0.1:{server.port}: both are gone when this ends.")
        _set_up(stage)
        _send(stage, server)
        _mend(stage)
        say("And this is the mail that Ana has received:")
        _show_mail(server.accepted[0], show)


def _environment(port: int) -> dict[str, str]:
    """The process environment without any setting of leadq's, and with the demo's."""
    kept = {key: value for key, value in os.environ.items() if key not in KEYS and key != "LEADQ_HOME"}
    return kept | {
        "MAIL_MAILER": "smtp",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": str(port),
        "MAIL_FROM_ADDRESS": "leads@demo.example",
        "MAIL_FROM_NAME": "Demo CRM",
        "LEAD_URL": "https://crm.demo.example/leads/{id}",
    }


def _set_up(stage: Stage) -> None:
    stage.say("First a home, two colleagues and three leads. Each lead is stored together with a job.")
    stage.run("leadq --quiet init")
    stage.run(f"leadq user create --name 'Ana Sales' --email {ANA}")
    stage.run(f"leadq user create --name 'Ben Sales' --email {BEN}")
    stage.run(
        "leadq lead create --name 'Chloé Durand' --email chloe@client.example --phone '+33 1 23 45 67 89'"
        " --company 'Durand & Fils' --source website --message 'Hello,\nplease call me about 40 chairs.'"
    )
    stage.run("leadq lead create --name 'Grace Hopper' --email grace@client.example --source fair")
    stage.run(f"leadq lead create --name 'Linus Park' --email linus@client.example --user {ANA} --priority 5")
    stage.run("leadq jobs")


def _send(stage: Stage, server: DemoMailServer) -> None:
    server.refuse(ANA, "451 4.3.0 Greylisted, come back later")
    server.refuse(BEN, "550 5.1.1 No such mailbox")
    stage.say(
        "A worker sends the mails. The mail server puts Ana's first one off for a moment (the job is tried "
        "again) and has no mailbox for Ben (the job fails at once: trying again would not help)."
    )
    stage.run("leadq work --stop-when-empty --backoff 0")
    stage.say("What has failed is kept, with its reason:")
    stage.run("leadq --quiet failed")


def _mend(stage: Stage) -> None:
    stage.say("Somebody makes Ben's mailbox. The job goes back into its queue, and this time it works:")
    stage.run("leadq retry all")
    stage.run("leadq work --once")
    stage.run("leadq lead show 2")


def _show_mail(wire: bytes, show: Callable[[str], None]) -> None:
    message = email.message_from_bytes(wire, policy=email.policy.default)
    for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID"):
        show(f"{name}: {message[name]}")
    body = message.get_body(preferencelist=("plain",))
    show("")
    for line in body.get_content().splitlines() if body else ():
        show(line)
