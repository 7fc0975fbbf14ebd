"""The main job: leads become mails, through real processes and a real SMTP server."""

from __future__ import annotations

from tests.homes import Home
from tests.smtp_servers import MailServer


def test_a_lead_becomes_a_mail_at_a_real_smtp_server(mailing: Home, mail_server: MailServer) -> None:
    created = mailing.run("lead", "create", "--name", "Bo", "--email", "bo@example.com", "--json").json
    worked = mailing.run("work", "--once")
    (mail,) = mail_server.wait_for(1)
    assert mail.recipients == ("ana@example.com",)
    assert mail.message["Subject"] == "New lead: Bo"
    assert worked.stdout.splitlines()[0].endswith("RUNNING")
    assert worked.stdout.splitlines()[1].endswith("DONE")
    assert mailing.count("jobs") == 0
    assert created["job"]["uuid"] in mail.message_id
