"""Texts of settings turned into values. Each raises ValueError, whose text says what is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from leadq.durations import parse_seconds
from leadq.secret import Secret

TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}


def queue_name(text: str) -> str:
    """A queue's name: letters, digits and `. _ - :`, 100 characters at most.

    Raises:
        ValueError: anything else; its text says what is expected.
    """
    if not re.fullmatch(r"[\w.:-]{1,100}", text):
        raise ValueError("a queue name of letters, digits and . _ - : (at most 100)")
    return text


def whole_seconds(text: str) -> int:
    seconds = parse_seconds(text)
    if seconds < 1:
        raise ValueError("at least 1 second")
    return int(seconds)


def positive_seconds(text: str) -> float:
    seconds = parse_seconds(text)
    if seconds <= 0:
        raise ValueError("more than 0 seconds")
    return seconds


def port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError("a port from 1 to 65535")
    return int(text)


def boolean(text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise ValueError("true or false")


def timezone(text: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if text.upper() != "UTC":
            raise ValueError("a time zone such as Europe/Berlin or UTC") from None
    return text


def lead_url(text: str) -> str:
    try:
        parts = urlsplit(text.replace("{id}", "1"))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc or re.search(r"[\s<>\"]", text):
        raise ValueError("an http or https address, {id} standing for the lead's id")
    return text


def module_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError("Python modules, comma-separated, such as myapp.jobs")
    return names


def address(text: str) -> str:
    from leadq.addresses import mailbox

    return mailbox(text).ascii


def rate(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)", text, re.ASCII)
    if match is None or float(match[1]) <= 0:
        raise ValueError("mails per unit of time, such as 14/s, 30/m or 500/h")
    return float(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2]]


def domain(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]+\]", text):
        raise ValueError("a domain such as crm.example.com")
    return text


@dataclass(frozen=True)
class Url:
    """The parts of a DB_URL or MAIL_URL, percent-decoded."""

    scheme: str
    host: str | None
    port: int | None
    username: str | None
    password: Secret | None
    path: str


def _url(text: str) -> Url:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("a URL; percent-encode @ : / # in its password") from None
    if not parts.scheme or "://" not in text or parts.fragment or parts.query:
        raise ValueError("scheme://user:password@host:port and no more; percent-encode @ : / # ? in its password")
    return Url(
        scheme=parts.scheme.lower(),
        host=parts.hostname,
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        path=unquote(parts.path),
    )


def database_url(text: str) -> Url:
    url = _url(text)
    if url.scheme not in {"sqlite", "mysql", "mariadb"}:
        raise ValueError("a URL that begins with sqlite://, mysql:// or mariadb://")
    if len(url.path) < 2:
        raise ValueError("a URL that names a database: sqlite:///storage/leadq.db, mysql://host/leads")
    return url


def mail_url(text: str) -> Url:
    url = _url(text)
    if url.scheme not in {"smtp", "smtps"} or not url.host:
        raise ValueError("a URL that begins with smtp:// or smtps:// and names a host")
    return url


def existing_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("a file that exists")
    return path
