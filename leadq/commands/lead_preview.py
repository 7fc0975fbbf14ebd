"""`leadq lead preview`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.command("preview", epilog=example("leadq lead preview 7", "leadq lead preview 7 --html > lead.html"))
@click.argument("lead_id", metavar="ID", type=int)
@click.option("--html", "form", flag_value="html", help="The HTML part alone.")
@click.option("--raw", "form", flag_value="raw", help="The whole message as it goes over the wire.")
@json_option
@pass_app
def command(app: App, lead_id: int, form: str | None) -> None:
    """Print the mail about a lead as it would be sent.

    Sends nothing.
    """
    from leadq.errors import InvalidInput
    from leadq.jobs.send_lead_created_email import letter_for
    from leadq.payload import new_uuid
    from leadq.store.records import DeliveryStatus

    lead = app.store.leads.get(lead_id)
    if lead.user_id is None:
        raise InvalidInput(
            f"lead {lead.id} is assigned to nobody, so there is no mail about it",
            hint=f"Assign it with: leadq lead assign {lead.id} USER",
        )
    user = app.store.users.get(lead.user_id)
    theirs = [
        delivery
        for delivery in app.store.deliveries.of_lead(lead.id)
        if delivery.user_id == user.id and delivery.status is not DeliveryStatus.DROPPED and not delivery.test
    ]
    uuid, queued_at = (theirs[-1].uuid, theirs[-1].queued_at) if theirs else (new_uuid(), lead.created_at)
    message = app.mailer.compose(letter_for(uuid, queued_at, lead, user))
    if app.out.as_json:
        app.out.document(
            {
                "subject": message.subject,
                "from": message.from_header,
                "to": message.to,
                "text": message.text,
                "html": message.html,
            }
        )
    elif form == "raw":
        click.echo(message.wire, nl=False)
    elif form == "html":
        app.out.block(message.html)
    else:
        app.out.line(f"From:    {message.from_header}")
        app.out.line(f"To:      {message.to}")
        app.out.line(f"Subject: {message.subject}")
        app.out.line()
        app.out.block(message.text.rstrip("\n"))
