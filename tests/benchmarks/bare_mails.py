"""The baseline of mailing, as a process: `python -m tests.benchmarks.bare_mails PORT COUNT`, in a home.

The same mails by smtplib over one connection, each built anew: text, HTML, and the headers that leadq's have.
"""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from tests.benchmarks import stopwatch
from tests.benchmarks.late_sink import HOST
from tests.benchmarks.mails import NAME, letter


def main() -> None:
    port, count = map(int, sys.argv[1:])
    parts = letter(Path())
    stopwatch.wait_for_everyone(1)
    with smtplib.SMTP(HOST, port) as server:
        for number in range(count):
            server.send_message(message(parts, f"{NAME} {number}"))
            stopwatch.note()


def message(parts: dict[str, str], name: str) -> EmailMessage:
    """A mail about the lead `name`."""
    built = EmailMessage()
    built["From"] = parts["from"]
    built["To"] = parts["to"]
    built["Subject"] = parts["subject"].replace(NAME, name)
    built["Date"] = formatdate()
    built["Message-ID"] = make_msgid(domain="acme.example")
    built["Reply-To"] = f"{name} <ana@example.com>"
    built["Auto-Submitted"] = "auto-generated"
    built["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    built.set_content(parts["text"].replace(NAME, name))
    built.add_alternative(parts["html"].replace(NAME, name), subtype="html")
    return built


if __name__ == "__main__":
    main()
