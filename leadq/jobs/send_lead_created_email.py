"""The built-in job: tells the assigned user that a lead has arrived."""

from __future__ import annotations

from dataclasses import dataclass

from leadq.errors import NotFound, PermanentFailure, UndecodablePayload
from leadq.job import Job, JobContext
from leadq.mail.letter import Letter
from leadq.store.records import Delivery, DeliveryStatus, Lead, User


@dataclass(frozen=True)
class SendLeadCreatedEmail(Job):
    """Sends one mail about one lead to one user.

    Attributes:
        lead_id: the lead.
        user_id: to whom; None means whoever has the lead when the mail goes out.
        test: whether the mail says that it is a test.
    """

    lead_id: int
    user_id: int | None = None
    test: bool = False

    def __post_init__(self) -> None:
        for name, value in (("lead_id", self.lead_id), ("user_id", self.user_id or 0)):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
                raise UndecodablePayload(f"the payload's {name} is {value!r:.40}: expected a number")

    def handle(self, context: JobContext) -> None:
        """Sends the mail, unless it was sent before or the lead has gone to somebody else."""
        delivery, lead, user = self._open_delivery(context)
        if delivery.status in {DeliveryStatus.SENT, DeliveryStatus.DROPPED}:
            context.log.info("Mail not sent: the notification is %s already", delivery.status.value)
            return
        message = context.mailer.compose(letter_for(delivery.uuid, delivery.queued_at, lead, user, test=self.test))
        context.accepted(context.mailer.send(message, deadline=context.mail_deadline))

    def _open_delivery(self, context: JobContext) -> tuple[Delivery, Lead, User]:
        store = context.store
        lead = store.leads.find(self.lead_id)
        if lead is None:
            raise PermanentFailure(f"there is no lead {self.lead_id} (any more)")
        delivery = store.deliveries.find(context.uuid)
        user_id = delivery.user_id if delivery else self.user_id or lead.user_id
        if user_id is None:
            raise PermanentFailure(
                f"lead {lead.id} is assigned to nobody", hint=f"Assign it with: leadq lead assign {lead.id} USER"
            )
        try:
            user = store.users.get(user_id)
        except NotFound as error:
            raise PermanentFailure(f"{error.message} (any more)") from None
        if delivery is None:  # the row came from another program
            delivery = store.deliveries.create(
                uuid=context.uuid, lead_id=lead.id, user_id=user.id, queued_at=context.created_at, test=self.test
            )
        return delivery, lead, user


def letter_for(uuid: str, queued_at: int, lead: Lead, user: User, *, test: bool = False) -> Letter:
    """What the mail about `lead` says to `user`."""
    return Letter(
        uuid=uuid,
        queued_at=queued_at,
        test=test,
        lead_id=lead.id,
        lead_name=lead.name,
        lead_email=lead.email,
        lead_phone=lead.phone,
        lead_company=lead.company,
        lead_source=lead.source,
        lead_message=lead.message,
        lead_created_at=lead.created_at,
        user_name=user.name,
        user_email=user.email,
    )
