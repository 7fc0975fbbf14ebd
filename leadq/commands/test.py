"""`leadq test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app
from leadq.commands.paused import note_pauses

if TYPE_CHECKING:
    from leadq.leads import NotifiedLead


@click.command(
    epilog=example(
        "leadq test --wait", "leadq test --lead-id 5 --user-id 3", "leadq test --to me@example.com --verbose"
    )
)
@click.option("--lead-id", type=int, help="The lead.  [default: the first]")
@click.option("--user-id", type=int, help="Who is told.  [default: the first active user]")
@click.option("--wait", is_flag=True, help="Follow it to its end; exit 1 when the mail fails.")
@click.option("--to", "address", metavar="ADDRESS", help="Send one mail there at once, past the queue.")
@click.option("--verbose", is_flag=True, help="With --to: print what we and the mail server say, secrets blanked.")
@json_option
@pass_app
def command(app: App, lead_id: int | None, user_id: int | None, wait: bool, address: str | None, verbose: bool) -> None:
    """Send a test notification through the queue.

    A real one, marked as a test in its subject. With --wait and no worker running, it is sent right here. With --to
    there is no job: one mail, about a lead that is made up unless --lead-id names one, shows whether the settings for
    mail are right.
    """
    if address is not None and user_id is not None:
        raise click.UsageError("--to and --user-id exclude each other.")
    if address is None and verbose:
        raise click.UsageError(
            "--verbose needs --to: a worker's conversation with the mail server is not ours to show."
        )
    if address is not None:
        from leadq.commands.direct_mail import send_directly

        app.start_logging()
        send_directly(app, address, lead_id=lead_id, shows_dialogue=verbose)
        return
    from leadq.commands.following import follow
    from leadq.leads import Routing, dispatch_test
    from leadq.store.records import DeliveryStatus

    app.start_logging()
    routing = Routing(default_queue=app.settings.default_queue)
    notified, _ = app.notify(lambda: dispatch_test(app.store, lead_id=lead_id, user_id=user_id, routing=routing))
    job = notified.job
    assert job is not None  # noqa: S101 - a test always has a user
    app.log("Test dispatched", job=job.uuid, lead=notified.lead.id, queue=job.queue)
    if not app.out.as_json:
        _announce(app, notified)
    if wait and app.settings.queue_connection != "sync":
        follow(app, job)
    delivery = app.store.deliveries.find(job.uuid)
    assert delivery is not None  # noqa: S101 - stored with the job
    if app.out.as_json:
        fields = {key: getattr(delivery, key) for key in ("message_id", "reply", "error")}
        app.out.document({"uuid": job.uuid, "status": delivery.status.value, **fields})
    elif delivery.status is DeliveryStatus.SENT:
        app.out.line(f"Sent as {delivery.message_id}: {delivery.reply}")
    elif delivery.status is DeliveryStatus.FAILED:
        app.out.line(f"Failed: {delivery.error}")
        app.out.note("It is kept: leadq failed")
    else:
        note_pauses(app, (job.queue,))
        app.out.note(f"A worker will send it. Its story: leadq lead show {notified.lead.id}")
    if delivery.status is DeliveryStatus.FAILED:
        raise click.exceptions.Exit(1)


def _announce(app: App, notified: NotifiedLead) -> None:
    lead, user, job = notified.lead, notified.user, notified.job
    if user is not None and job is not None:
        app.out.line(f"Test of lead {lead.id} ({lead.name}) for {user.name} <{user.email}>: job {job.id} ({job.uuid})")
