"""`From nothing to a mail in the inbox`, as it stands."""

from __future__ import annotations

from pathlib import Path

from tests.readme.blocks import Block, runs
from tests.readme.stand_ins import Machine, smtp_settings
from tests.smtp_servers import MailServer


@runs(section="From nothing to a mail in the inbox")
def test_a_test_mail_and_a_notification_arrive(block: Block, tmp_path: Path, mail_server: MailServer) -> None:
    ended = Machine(tmp_path, smtp_settings(mail_server.port)).run(block.text)
    marked, notification = (str(mail.message["Subject"]) for mail in mail_server.accepted)
    assert "test" in marked.lower()
    assert notification == "New lead: Bo Berg"
    assert {mail.recipients for mail in mail_server.accepted} == {("ana@example.com",)}
    events = [line[21:].split()[0] for line in ended.stdout.splitlines() if line[:2] == "20"]
    assert sorted(events) == ["created", "queued", "queued", "sent", "sent"]  # within a second in any order
    assert ended.stdout.endswith("No failed jobs.\nNo failed jobs to retry.\n")
