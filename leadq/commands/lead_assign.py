"""`leadq lead assign`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import QUEUE_NAME, example, json_option, pass_app


@click.command("assign", epilog=example("leadq lead assign 7 3", "leadq lead assign 7 ana@example.com"))
@click.argument("lead_id", metavar="ID", type=int)
@click.argument("user", metavar="USER")
@click.option("--queue", type=QUEUE_NAME, help="The notification's queue.  [default: DB_QUEUE]")
@json_option
@pass_app
def command(app: App, lead_id: int, user: str, queue: str | None) -> None:
    """Give a lead to a colleague, who is told exactly once.

    A notification still waiting for somebody else is dropped.
    """
    from leadq.commands.notified import print_notified
    from leadq.leads import Routing, assign_lead

    routing = Routing(default_queue=app.settings.default_queue, queue=queue)
    app.start_logging()
    notified, outcome = app.notify(lambda: assign_lead(app.store, lead_id, user, routing=routing))
    app.log("Lead assigned", lead=notified.lead.id, user=notified.lead.user_id)
    print_notified(app, notified, outcome, verb="assigned")
