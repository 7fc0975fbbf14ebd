"""test_crm.py: how crm.py is tested, without a home or a mail server."""

import leadq
import leadq.testing
import pytest
from crm import Contact, Welcome, app_db, contact_form

BO = {"name": "Bo Berg", "email": "bo@client.example"}


@pytest.fixture(autouse=True)
def tables(tmp_path):
    app_db.init(tmp_path / "crm.db")
    with leadq.testing.tables_in(app_db, LEAD_URL="https://crm.example.com/leads/{id}"):
        app_db.create_tables([Contact])
        yield


def test_a_colleague_is_told_and_the_contact_welcomed():
    leadq.create_user(name="Ana Sales", email="sales@example.com")
    assert contact_form(BO) == (201, "Thank you, Bo Berg")
    leadq.testing.drain(delayed=True)
    (mail,) = leadq.testing.outbox
    assert (mail.subject, mail.to) == ("New lead: Bo Berg", "Ana Sales <sales@example.com>")
    assert "https://crm.example.com/leads/1" in mail.text
    assert Contact.get().welcomed


def test_nothing_is_kept_of_a_form_that_is_refused():
    assert contact_form({"name": "Bo Berg", "email": "nobody"})[0] == 422
    assert Contact.select().count() == 0


def test_what_the_form_dispatches():
    with leadq.testing.fake() as fake:
        contact_form(BO)
    assert fake.dispatched(Welcome) == [Welcome(contact_id=1)]
    assert fake.jobs[-1].queue == "high"
    assert fake.leads[0].lead.email == "bo@client.example"
