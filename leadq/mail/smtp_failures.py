"""What goes wrong below SMTP, said in words: names, connections, TLS, silence."""

from __future__ import annotations

import socket
import ssl

from leadq.mail.errors import DeliveryError, Kind, Stage, failed
from leadq.mail.smtp_reply import GarbledReply

HANDSHAKE = {Stage.CONNECT, Stage.STARTTLS}


def explained(error: OSError | GarbledReply, stage: Stage, server: str) -> DeliveryError:
    """The DeliveryError that `error` means at `stage`; `server` is its host and port."""
    if stage is Stage.DOT:
        return failed(stage, f"{server} has the mail and did not answer: {_reason(error)}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return failed(
            stage,
            f"the certificate of {server} is not to be trusted: {error.verify_message}",
            kind=Kind.CONFIG,
            hint="MAIL_CA_FILE adds an authority of your own.",
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError) and stage in HANDSHAKE:
        return failed(
            stage,
            f"no TLS with {server}: {error.reason or error}",
            kind=Kind.CONFIG,
            hint="MAIL_SCHEME=smtps is for servers that begin with TLS (465), smtp for STARTTLS (587).",
        )
    return failed(stage, f"{server}: {_reason(error)}")


def _reason(error: OSError | GarbledReply) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return f"no such host ({error.strerror})"
    return getattr(error, "strerror", None) or str(error)
