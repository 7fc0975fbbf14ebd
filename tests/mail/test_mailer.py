"""Which transport the settings ask for, and which settings are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from leadq.config import load_settings
from leadq.errors import ConfigError
from leadq.mail.mailer import open_mailer
from tests.mail.samples import make_letter, soon

SMTP = {"MAIL_MAILER": "smtp", "MAIL_FROM_ADDRESS": "leads@acme.example"}


@pytest.mark.parametrize(("environment", "name"), [({}, "file"), ({"MAIL_MAILER": "log"}, "log"), (SMTP, "smtp")])
def test_the_settings_choose_the_transport(tmp_path, environment, name):
    assert open_mailer(load_settings(tmp_path, environment)).transport.name == name


def test_files_go_to_the_storage_and_templates_come_from_the_home(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "lead_created.subject.j2").write_text("Hola {{ lead.name }}")
    mailer = open_mailer(load_settings(tmp_path, {}))

    message = mailer.compose(make_letter())
    mailer.send(message, deadline=soon())
    mailer.discard()
    mailer.close()

    assert message.subject == "Hola Ana Lopez"
    assert len(list((tmp_path / "storage" / "mail").glob("*.eml"))) == 1


def test_a_ca_file_without_a_certificate_is_refused_at_once(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="MAIL_CA_FILE"):
        open_mailer(load_settings(tmp_path, {**SMTP, "MAIL_CA_FILE": "ca.pem"}))


def test_the_errors_are_cheap_to_import():
    heavy = "{'jinja2', 'smtplib', 'ssl', 'email', 'peewee', 'click', 'rich'}"
    program = f"import sys, leadq.mail.errors; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"
