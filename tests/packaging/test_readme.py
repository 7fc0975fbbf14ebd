"""README.md's way to install leadq, with a real environment and pip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.readme.blocks import claim
from tests.readme.stand_ins import Machine, smtp_settings
from tests.smtp_servers import MailServer

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

(INSTALLATION,) = claim(section="Production", language="sh", lead_in="## Production")
(DRIVER,) = claim(section="MySQL, MariaDB and many hosts", language="sh")


def test_it_is_installed_as_the_page_says(wheel: Path, tmp_path: Path, mail_server: MailServer) -> None:
    machine = Machine(tmp_path, smtp_settings(mail_server.port))
    links = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheel.parent}".strip()
    pip = {"PIP_FIND_LINKS": links, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    told = machine.run(INSTALLATION.text, environment=pip).stdout
    assert f"Processing {wheel}" in told  # and not what another has put on PyPI
    assert "S: 250 2.0.0 Ok" in told
    (mail,) = mail_server.accepted
    assert mail.recipients == ("you@example.com",)
    machine.add_program("pip", f'#!/bin/sh\nexec "{machine.installed}/bin/pip" "$@"\n')
    assert "already satisfied: pymysql" in machine.run(DRIVER.text, environment=pip).stdout
