"""Mail: its settings, its templates, and whether it can leave. Nothing is sent."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from leadq.config import MailSettings, Settings
from leadq.doctor.check import Finding, Step, fail, ok, typed, warn
from leadq.doctor.settings import HomeSettings
from leadq.settings_values import default_of

if TYPE_CHECKING:
    from pathlib import Path

    from leadq.mail.errors import DeliveryError

SECONDS = 8.0  # less than a check has: what took too long is told by its name
THIS_HOST = ("localhost", "127.0.0.1", "::1")
REMEDIES = {
    "resolve": "Check MAIL_HOST in .env, and this host's name servers.",
    "connect": "Check that the mail server runs, MAIL_HOST and MAIL_PORT in .env, and that no firewall is in the way.",
    "auth": "Check MAIL_USERNAME and MAIL_PASSWORD in .env.",
}


def mail_steps(settings: HomeSettings) -> list[Step]:
    """The checks of mail."""
    return [
        Step("templates", lambda: _templates(settings)),
        Step("sender", lambda: _sender(settings.require_mail())),
        Step("recipients", lambda: _recipients(settings.require_mail())),
        Step("certificates", lambda: _certificates(settings.require_mail())),
        Step("mail", lambda: _way_out(settings.require_mail(), settings)),
    ]


def _sender(mail: MailSettings) -> Finding:
    if mail.mailer == "smtp" and mail.from_address == default_of("MAIL_FROM_ADDRESS"):
        return warn(
            f"MAIL_FROM_ADDRESS={mail.from_address} is nobody's address: mail servers refuse it",
            "Set MAIL_FROM_ADDRESS=leads@your-domain in .env.",
        )
    return ok(mail.from_address)


def _recipients(mail: MailSettings) -> Finding:
    if mail.to_override:
        remedy = "Is this no test system? Then empty MAIL_TO_OVERRIDE in .env."
        return warn(f"MAIL_TO_OVERRIDE: every mail goes to {mail.to_override}, and to no user", remedy)
    return ok("each mail goes to its lead's user")


def _certificates(mail: MailSettings) -> Finding:
    if mail.mailer != "smtp":
        return ok(f"none are needed (MAIL_MAILER={mail.mailer})")
    if not mail.verify:
        return warn(
            f"MAIL_VERIFY=false: anybody can pose as {mail.host} and read the mails",
            "Set MAIL_VERIFY=true in .env; MAIL_CA_FILE adds an authority of your own.",
        )
    return ok("verified")


# --- the way out ---------------------------------------------------------------------------------------


def _way_out(mail: MailSettings, settings: HomeSettings) -> Finding:
    if mail.mailer == "smtp":
        return _server(mail)
    finding = ok("written to the log") if mail.mailer == "log" else _folder(settings.home / "storage" / "mail")
    if finding.remedy is None and settings.whole and settings.whole.in_production:
        remedy = "Set MAIL_MAILER=smtp in .env."
        return warn(f"APP_ENV=production and MAIL_MAILER={mail.mailer}: no mail reaches anybody", remedy)
    return finding


def _folder(folder: Path) -> Finding:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        return fail(
            f"{there} is no folder, so no mail can be written", f"Move it away: {typed('mv', there, f'{there}.old')}"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return fail(f"no mail can be written into {folder}", f"Run as its owner, or: {typed('chown', 'USER', there)}")
    return ok(f"written into {folder}")


def _server(mail: MailSettings) -> Finding:
    """Says hello, starts TLS, logs in, says goodbye."""
    from leadq.mail.errors import DeliveryError
    from leadq.mail.smtp_session import SmtpSession
    from leadq.mail.tls import client_context

    session = SmtpSession(mail, context=lambda: client_context(ca_file=mail.ca_file, verify=mail.verify))
    deadline = time.monotonic() + SECONDS
    try:
        session.open(deadline=deadline)
        encrypted = session.encrypted
        session.quit(deadline=deadline)
    except DeliveryError as error:
        where = "" if mail.host in error.message else f"{mail.host}:{mail.port}: "
        return fail(f"{where}{error.message}", error.hint or REMEDIES.get(error.stage, REMEDIES["connect"]))
    finally:
        session.close()
    login = f"logged in as {mail.username}" if mail.username else "without a login"
    told = f"{mail.host}:{mail.port}, {'TLS' if encrypted else 'no TLS'}, {login}"
    if not encrypted and mail.host not in THIS_HOST:
        return warn(told, "Anybody on the way can read the mails: use a server that offers STARTTLS, or smtps.")
    return ok(told)


# --- templates -----------------------------------------------------------------------------------------


def _templates(settings: HomeSettings) -> Finding:
    folder = settings.home / "templates"
    if not folder.is_dir():
        return ok("those of leadq")
    from leadq.mail.errors import DeliveryError
    from leadq.mail.rendering import Templates

    templates = Templates(folder)
    own = sorted(path.name for path in folder.glob("*.j2"))
    broken: list[DeliveryError] = []
    for name in own:
        try:
            templates.compile(name)
        except DeliveryError as error:
            broken.append(error)
    if not broken and settings.whole:
        broken = _broken_in_use(settings.whole)
    if broken:
        return fail("; ".join(error.message for error in broken), broken[0].hint)
    return ok(f"{', '.join(own) or 'none'} in {folder}")


def _broken_in_use(settings: Settings) -> list[DeliveryError]:
    """Writes a mail that goes nowhere: a name that a template misspells is met then."""
    from leadq.mail.errors import DeliveryError
    from leadq.mail.letter import Letter
    from leadq.mail.mailer import open_composer

    now = int(datetime.now(UTC).timestamp())
    letter = Letter(
        uuid="00000000-0000-4000-8000-000000000000",
        queued_at=now,
        test=True,
        lead_id=1,
        lead_name="Ana Example",
        lead_email="ana@example.com",
        lead_phone="+1 555 0100",
        lead_company="Example & Sons",
        lead_source="leadq doctor",
        lead_message="Nobody wrote this.",
        lead_created_at=now,
        user_name="Bo Example",
        user_email="bo@example.com",
    )
    try:
        open_composer(settings).compose(letter)
    except DeliveryError as error:
        return [error]
    return []
