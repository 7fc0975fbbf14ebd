"""Letters and mail settings with sensible values, to be changed one field at a time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadq.config import MailSettings, load_settings
from leadq.mail.composer import Composer
from leadq.mail.letter import Letter, Message
from leadq.secret import Secret

LETTER = Letter(
    uuid="6f1c1d0e-8f5b-4a43-9d5f-3a5a3c9f6f10",
    queued_at=1767225600,
    test=False,
    lead_id=7,
    lead_name="Ana Lopez",
    lead_email="ana@example.com",
    lead_phone="+34 600 123 456",
    lead_company="Lopez & Sons",
    lead_source="website",
    lead_message="Hello,\nplease call me.",
    lead_created_at=1767225540,
    user_name="Ben",
    user_email="ben@example.org",
)


def make_letter(**changes: Any) -> Letter:
    return replace(LETTER, **changes)


def make_mail_settings(**changes: Any) -> MailSettings:
    settings = load_settings(
        Path("/nonexistent"), {"MAIL_FROM_ADDRESS": "leads@acme.example", "MAIL_FROM_NAME": "Acme Leads"}
    )
    if isinstance(changes.get("password"), str):
        changes["password"] = Secret(changes["password"])
    return replace(settings.mail, **{"timeout": 2.0, **changes})


def make_composer(folder: Path | None = None, **changes: Any) -> Composer:
    return Composer(
        make_mail_settings(**changes),
        app_name="Acme Leads",
        lead_url="https://crm.example.com/leads/{id}",
        timezone="Europe/Berlin",
        template_folder=folder,
    )


def compose(composer: Composer | None = None, **changes: Any) -> Message:
    return (composer or make_composer()).compose(make_letter(**changes))


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds
