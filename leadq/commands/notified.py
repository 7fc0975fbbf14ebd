"""What `lead create` and `lead assign` say at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadq.app import App

if TYPE_CHECKING:
    from leadq.leads import NotifiedLead
    from leadq.store.outcomes import Outcome


def print_notified(app: App, notified: NotifiedLead, outcome: Outcome | None, *, verb: str) -> None:
    """Prints the lead and its job, and how the job ended where it has run already."""
    from leadq.output.documents import notified_lead_document
    from leadq.store.outcomes import Completed, Failed

    if notified.job is not None:
        app.log("Job dispatched", job=notified.job.uuid, lead=notified.lead.id, queue=notified.job.queue)
    if app.out.as_json:
        app.out.document(notified_lead_document(notified))
    else:
        app.out.line(_sentence(notified, verb, ran=isinstance(outcome, Completed | Failed)))
    if notified.user is None:
        app.out.warn(
            "there is no active user, so nobody is told. Assign it with: "
            f"leadq lead assign {notified.lead.id} USER (see: leadq user list)"
        )
    if isinstance(outcome, Failed):
        app.out.warn(f"the mail did not go out: {outcome.error}. The job is kept: leadq failed")


def _sentence(notified: NotifiedLead, verb: str, *, ran: bool) -> str:
    lead, user, job = notified.lead, notified.user, notified.job
    text = f"Lead {lead.id} {verb}"
    if user is not None:
        text += f" {'to' if verb == 'assigned' else 'for'} {user.name} <{user.email}>"
    if job is None:
        return text + "; there is nothing new to send." if user is not None else text + "."
    return f"{text}; job {job.id} {'has run' if ran else f'is queued on {job.queue}'} ({job.uuid})."
