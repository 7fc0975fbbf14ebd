"""`test --to`: one mail here and now, without a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import create_lead, mail_down
from tests.homes import Home
from tests.smtp_servers import MailServer, Tls, closed_port

pytestmark = pytest.mark.sqlite_only("about mail, whatever the store")

KEYS = ["uuid", "status", "message_id", "reply", "error"]
LOGIN = ("leads", "s3cret-w0rd")


def untouched(home: Home) -> bool:
    return [home.count(table) for table in ("jobs", "failed_jobs", "deliveries")] == [0, 0, 0]


def test_a_mail_goes_out_without_a_lead_a_user_or_a_job(mailing: Home, mail_server: MailServer) -> None:
    result = mailing.leadq("test", "--to", "me@example.com")
    (mail,) = mail_server.accepted
    assert result.stdout == f"Sent to me@example.com as {mail.message_id}: 250 2.0.0 Ok: queued as 000001\n"
    assert result.stderr == ""
    assert mail.recipients == ("me@example.com",)
    assert mail.message["Subject"] == "[TEST] New lead: Ana Example"
    assert untouched(mailing)
    assert "Test mail sent" in mailing.log


def test_the_conversation_is_printed_with_its_secrets_blanked(mailing: Home, tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with MailServer(starttls=tls.server_context, login=LOGIN) as server:
        mailing.environment |= {
            "MAIL_PORT": str(server.port),
            "MAIL_CA_FILE": str(tls.ca_file),
            "MAIL_USERNAME": LOGIN[0],
            "MAIL_PASSWORD": LOGIN[1],
        }
        result = mailing.run("test", "--to", "me@example.com", "--verbose")
        assert server.logins_tried == [LOGIN]
    said = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("C: ")]
    assert said[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert said[-1] == "QUIT"
    lines = result.stdout.splitlines()
    assert "C: AUTH PLAIN ********" in lines
    assert "C: RCPT TO:<me@example.com>" in lines
    assert lines[0].startswith("S: 220 ")
    assert lines[-1].startswith("Sent to me@example.com as <leadq.")
    assert LOGIN[1] not in result.stdout + result.stderr + mailing.log


def test_a_mail_that_is_refused_exits_1_and_leaves_nothing(mailing: Home, mail_server: MailServer) -> None:
    mail_server.refuse("me@example.com", "550 5.1.1 No such user here")
    result = mailing.leadq("test", "--to", "me@example.com", "--verbose", exit_code=1)
    assert "S: 550 5.1.1 No such user here\n" in result.stdout
    assert result.stdout.endswith("Failed: RCPT refused: 550 5.1.1 No such user here (permanent)\n")
    assert untouched(mailing)
    document = mailing.json("test", "--to", "me@example.com", exit_code=1)
    assert list(document) == KEYS
    assert (document["status"], document["message_id"]) == ("failed", None)
    assert document["error"] == "RCPT refused: 550 5.1.1 No such user here (permanent)"


def test_where_to_look_is_said_where_more_is_not_known(mailing: Home) -> None:
    with closed_port() as port:
        mailing.environment["MAIL_PORT"] = str(port)
        result = mailing.leadq("test", "--to", "me@example.com", exit_code=1)
        assert result.stdout == f"Failed: connect failed: 127.0.0.1:{port}: Connection refused (transport)\n"
        assert result.stderr == "See: leadq doctor, or what the server says: leadq test --to ADDRESS --verbose\n"
        assert mailing.leadq("test", "--to", "me@example.com", "--verbose", exit_code=1).stderr == "See: leadq doctor\n"


def test_what_to_do_is_said_where_it_is_known(mailing: Home, tmp_path: Path) -> None:
    with MailServer(starttls=Tls(tmp_path).server_context) as server:
        mailing.environment["MAIL_PORT"] = str(server.port)
        result = mailing.leadq("test", "--to", "me@example.com", exit_code=1)
    assert "is not to be trusted" in result.stdout
    assert result.stderr == "MAIL_CA_FILE adds an authority of your own.\n"


def test_json_is_one_document_and_the_conversation_goes_elsewhere(mailing: Home) -> None:
    result = mailing.leadq("test", "--to", "me@example.com", "--verbose", "--json")
    assert list(result.json) == KEYS
    assert (result.json["status"], result.json["error"]) == ("sent", None)
    assert "C: QUIT\n" in result.stderr


def test_a_lead_may_be_named(mailing: Home, mail_server: MailServer) -> None:
    create_lead(mailing, "Zoë")
    mailing.leadq("test", "--to", "me@example.com", "--lead-id", 1)
    assert mail_server.accepted[0].message["Subject"] == "[TEST] New lead: Zoë"
    assert mailing.json("test", "--to", "me@example.com", "--lead-id", 9, exit_code=1)["error"]["type"] == "NotFound"


def test_an_override_gets_this_mail_too(mailing: Home, mail_server: MailServer) -> None:
    mailing.environment["MAIL_TO_OVERRIDE"] = "staging@example.net"
    assert "Sent to staging@example.net as" in mailing.leadq("test", "--to", "me@example.com").stdout
    assert mail_server.accepted[0].recipients == ("staging@example.net",)
    assert mail_server.accepted[0].message["X-Original-To"] == "me@example.com"


def test_a_mailer_that_speaks_to_no_server_has_no_conversation(home: Home) -> None:
    result = home.leadq("test", "--to", "me@example.com", "--verbose")
    (mail,) = home.mails
    assert result.stdout.endswith(f": written to {mail}\n")
    assert result.stderr == "MAIL_MAILER=file: no server is spoken to, so there is no dialogue.\n"
    home.environment["MAIL_MAILER"] = "log"
    assert home.leadq("test", "--to", "me@example.com").stdout.endswith(": written to the log\n")
    home.environment["MAIL_MAILER"] = "file"
    with mail_down(home):
        assert home.leadq("test", "--to", "me@example.com", exit_code=1).stdout.startswith("Failed: write failed: ")


def test_a_broken_template_is_told_with_its_line(home: Home) -> None:
    (home.path / "templates").mkdir()
    template = home.path / "templates" / "lead_created.txt.j2"
    template.write_text("one\n{{ lead.nme }}\n")
    result = home.leadq("test", "--to", "me@example.com", exit_code=1)
    assert f"template {template}, line 2: " in result.stdout
    assert result.stderr == "Correct the template, then: leadq restart; leadq retry all\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--verbose",), "--verbose needs --to"),
        (("--to", "me@example.com", "--user-id", 1), "--to and --user-id exclude each other"),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_usage(
    home: Home, arguments: tuple[object, ...], complaint: str
) -> None:
    assert complaint in home.leadq("test", *arguments, exit_code=2).stderr


def test_what_is_no_address_is_an_error(home: Home) -> None:
    result = home.leadq("test", "--to", "nonsense", exit_code=1)
    assert result.stderr.startswith("Error: 'nonsense' is not an email address")
    assert home.mails == []
