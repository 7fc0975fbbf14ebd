"""A test mail that is sent here and now, without a job: shows whether the settings for mail are right."""

from __future__ import annotations

import time

import click

from leadq.app import App
from leadq.mail.errors import DeliveryError
from leadq.mail.letter import Letter

SEE = "leadq doctor, or what the server says: leadq test --to ADDRESS --verbose"
SECONDS = 50.0  # what a job with the default timeout has for its mail


def send_directly(app: App, address: str, *, lead_id: int | None, shows_dialogue: bool) -> None:
    """Sends a test mail to `address` and tells what became of it.

    Args:
        app: the home's.
        address: whom to; MAIL_TO_OVERRIDE beats it, as for any mail.
        lead_id: the lead that it is about; None for one that is made up, so that the store isn't asked.
        shows_dialogue: whether to print each line that we and the SMTP server say, secrets blanked.

    Raises:
        InvalidInput: `address` is none.
        NotFound: there is no such lead.
        click.exceptions.Exit: with 1, the mail did not go out.
    """
    from leadq.mail.mailer import open_mailer

    letter = _letter(app, address, lead_id)
    # with --json stdout holds one document and nothing else
    say = (app.out.note if app.out.as_json else app.out.line) if shows_dialogue else None
    mailer = open_mailer(app.settings, dialogue=say)
    if shows_dialogue and app.settings.mail.mailer != "smtp":
        app.out.note(f"MAIL_MAILER={app.settings.mail.mailer}: no server is spoken to, so there is no dialogue.")
    receipt, error = None, None
    try:
        message = mailer.compose(letter)
        receipt = mailer.send(message, deadline=time.monotonic() + SECONDS)
    except DeliveryError as failure:
        error = failure
    finally:
        mailer.close()
    if receipt is not None:
        app.log("Test mail sent", to=message.recipient, message_id=receipt.message_id, reply=receipt.reply)
    else:
        app.log_error("Test mail not sent", to=address, error=str(error))
    if app.out.as_json:
        app.out.document(
            {
                "uuid": letter.uuid,
                "status": "sent" if receipt else "failed",
                "message_id": receipt and receipt.message_id,
                "reply": receipt and receipt.reply,
                "error": error and error.message,
            }
        )
    elif receipt is not None:
        app.out.line(f"Sent to {message.recipient} as {receipt.message_id}: {receipt.reply}")
    elif error is not None:
        app.out.line(f"Failed: {error.message}")
        app.out.note(error.hint or ("See: leadq doctor" if shows_dialogue else f"See: {SEE}"))
    if error is not None:
        raise click.exceptions.Exit(1)


def _letter(app: App, address: str, lead_id: int | None) -> Letter:
    from leadq import clock
    from leadq.addresses import mailbox
    from leadq.jobs.send_lead_created_email import letter_for
    from leadq.payload import new_uuid
    from leadq.store.records import Lead, User

    now = clock.now()
    reader = User(id=0, name="", email=mailbox(address).address, active=True, created_at=now)
    made_up = Lead(
        id=0,
        name="Ana Example",
        email="ana@example.com",
        phone=None,
        company="Example & Sons",
        source="leadq test",
        message="Nobody wrote this: it shows what a notification looks like.",
        user_id=None,
        created_at=now,
    )
    lead = made_up if lead_id is None else app.store.leads.get(lead_id)
    return letter_for(new_uuid(), now, lead, reader, test=True)
