"""`leadq lead create`."""

from __future__ import annotations

import sys

import click

from leadq.app import App
from leadq.commands.options import QUEUE_NAME, SECONDS, example, json_option, pass_app


@click.command(
    "create",
    epilog=example(
        "leadq lead create --name 'Ana Lima' --email ana@example.com --source website",
        "leadq lead create --name Bo --email bo@example.com --user sales@example.com --delay 10m",
    ),
)
@click.option("--name", help="The lead's name.")
@click.option("--email", help="The lead's address.")
@click.option("--phone", help="The lead's phone number.")
@click.option("--company", help="The lead's company.")
@click.option("--source", help="Where the lead comes from.")
@click.option("--message", help="What the lead wrote.")
@click.option("--user", metavar="ID|EMAIL", help="Whose lead it is.  [default: who has waited longest for one]")
@click.option("--queue", type=QUEUE_NAME, help="The notification's queue.  [default: DB_QUEUE]")
@click.option("--delay", type=SECONDS, default=0, help="Send no earlier than so long from now: 90s, 10m, 2h.")
@click.option("--priority", type=int, default=0, show_default=True, help="Lower runs first.")
@json_option
@pass_app
def command(
    app: App,
    name: str | None,
    email: str | None,
    phone: str | None,
    company: str | None,
    source: str | None,
    message: str | None,
    user: str | None,
    queue: str | None,
    delay: float,
    priority: int,
) -> None:
    """Store a lead, and the job that tells its user.

    Both in one transaction. On a terminal it asks for what is missing. Trouble with mail never fails it.
    """
    from leadq.commands.notified import print_notified
    from leadq.leads import NewLead, Routing, create_lead

    new = NewLead(
        name=_asked("name", name),
        email=_asked("email", email),
        phone=phone,
        company=company,
        source=source,
        message=message,
    )
    routing = Routing(default_queue=app.settings.default_queue, queue=queue, delay=delay, priority=priority)
    app.start_logging()
    notified, outcome = app.notify(lambda: create_lead(app.store, new, user=user, routing=routing))
    app.log("Lead created", lead=notified.lead.id, user=notified.lead.user_id)
    print_notified(app, notified, outcome, verb="created")


def _asked(field: str, value: str | None) -> str:
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise click.UsageError(f"Missing option '--{field}'.")
    answer: str = click.prompt(f"The lead's {field}", err=True)
    return answer
