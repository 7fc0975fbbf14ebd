"""crm.py: a web application with a table of its own, which creates leads and dispatches a job of its own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import peewee

import leadq

HOME = os.environ.get("LEADQ_HOME", "/srv/crm")
app_db = peewee.SqliteDatabase(f"{HOME}/storage/leadq.db", pragmas={"journal_mode": "wal", "foreign_keys": 1})


class Contact(peewee.Model):
    name = peewee.CharField()
    email = peewee.CharField()
    welcomed = peewee.BooleanField(default=False)

    class Meta:
        database = app_db


@dataclass
class Welcome(leadq.Job):  # registered as "Welcome"; its fields are its data
    contact_id: int
    tries = 5  # also: queue, priority, timeout; what is unset is for the worker's flags to say
    backoff = (10, 60)

    def handle(self, context: leadq.JobContext) -> None:
        contact = Contact.get_by_id(self.contact_id)
        context.log.info("Welcoming %s, attempt %s", contact.name, context.attempt)
        contact.welcomed = True
        contact.save()

    def failed(self, context: leadq.JobContext, error: BaseException) -> None:
        context.log.error("Contact %s was not welcomed: %s", self.contact_id, error)


def start() -> None:  # once, before the server forks
    leadq.configure(home=HOME, database=app_db)
    app_db.create_tables([Contact])
    app_db.close()


def contact_form(form: Mapping[str, str]) -> tuple[int, str]:  # called by a route of any framework
    try:
        with app_db.atomic():
            contact = Contact.create(name=form["name"], email=form["email"])
            lead = leadq.create_lead(name=form["name"], email=form["email"], source="website")
            leadq.dispatch(Welcome(contact_id=contact.id), queue="high", delay=60, priority=-5)
    except leadq.InvalidInput as error:
        return 422, str(error)
    return 201, f"Thank you, {lead.name}"


if __name__ == "__main__":
    start()
    with app_db.connection_context():  # as the framework's hooks do for each request
        print(contact_form({"name": "Bo Berg", "email": "bo@client.example"}))
