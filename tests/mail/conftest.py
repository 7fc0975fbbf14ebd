"""SMTP transports that are closed at the end of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leadq.mail.smtp_transport import SmtpTransport
from tests.mail.samples import make_mail_settings


@pytest.fixture
def smtp() -> Iterator[Callable[..., SmtpTransport]]:
    """Makes transports to a port of this machine."""
    made: list[SmtpTransport] = []

    def make(port: int, dialogue: Callable[[str], None] | None = None, **changes: Any) -> SmtpTransport:
        settings = make_mail_settings(mailer="smtp", host="127.0.0.1", port=port, **changes)
        made.append(SmtpTransport(settings, dialogue=dialogue))
        return made[-1]

    yield make
    for transport in made:
        transport.discard()
