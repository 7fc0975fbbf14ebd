"""Every setting, once: its key, its default, what it means.

`.env.example` and what `leadq init` writes are rendered from this table; `leadq.config` reads the values.
"""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One setting.

    `default` is what an absent key means, as text; None where there is none or where it depends on other
    settings (then `meaning` says on which). `written` tells whether a new `.env` spells the default out.
    """

    name: str
    default: str | None
    meaning: str
    written: bool = True


GROUPS: dict[str, tuple[Key, ...]] = {
    "Application": (
        Key("APP_NAME", "leadq", "the name that mails come from"),
        Key("APP_ENV", "local", "in `production`, commands that destroy something ask first"),
        Key(
            "APP_TIMEZONE",
            None,
            "for times on screen and in mails, such as Europe/Berlin; the system's if empty",
        ),
        Key("LEAD_URL", None, "link in the mail, {id} is the lead's id: https://crm.example.com/leads/{id}"),
        Key("LEADQ_JOBS", None, "modules that register jobs of your own, comma-separated"),
    ),
    "Queue": (
        Key("QUEUE_CONNECTION", "database", "`database`, or `sync`: the job runs at once, inside the command"),
        Key("DB_QUEUE", "default", "the queue used where none is named"),
        Key("DB_QUEUE_RETRY_AFTER", "90", "seconds until the job of a worker that is gone is claimed again"),
    ),
    "Database": (
        Key("DB_CONNECTION", "sqlite", "`sqlite`, `mysql` or `mariadb`"),
        Key("DB_URL", None, "all of the following in one: sqlite:///storage/leadq.db"),
        Key("DB_HOST", "127.0.0.1", "MySQL server", written=False),
        Key("DB_PORT", "3306", "MySQL port", written=False),
        Key("DB_SOCKET", None, "MySQL socket, instead of host and port"),
        Key("DB_DATABASE", "storage/leadq.db", "SQLite file, seen from the home, or MySQL database", written=False),
        Key("DB_USERNAME", None, "MySQL account"),
        Key("DB_PASSWORD", None, "MySQL password"),
        Key("MYSQL_ATTR_SSL_CA", None, "a file of certificate authorities (PEM): MySQL over TLS, verified"),
    ),
    "Mail": (
        Key("MAIL_MAILER", "file", "`file` (.eml files in storage/mail), `log`, or `smtp`"),
        Key("MAIL_URL", None, "scheme, host, port, username, password in one: smtp://user:pass@host:587"),
        Key(
            "MAIL_SCHEME",
            None,
            "`smtp`: STARTTLS where offered, required with a password; `smtps`: TLS at once",
        ),
        Key("MAIL_HOST", "127.0.0.1", "SMTP server"),
        Key("MAIL_PORT", "587", "SMTP port; 465 where MAIL_SCHEME is smtps, and the other way round", written=False),
        Key("MAIL_USERNAME", None, "SMTP login"),
        Key("MAIL_PASSWORD", None, "SMTP password"),
        Key("MAIL_FROM_ADDRESS", "leadq@localhost", "the sender; must be set with `smtp`", written=False),
        Key("MAIL_FROM_NAME", None, "the sender's name; APP_NAME if empty"),
        Key("MAIL_REPLY_TO", None, "where replies go; to the lead if empty"),
        Key("MAIL_EHLO_DOMAIN", None, "how the server is greeted; the sender's domain if empty"),
        Key("MAIL_TIMEOUT", "10", "seconds for one reply of the SMTP server"),
        Key("MAIL_CA_FILE", None, "a file of further certificate authorities (PEM)"),
        Key("MAIL_VERIFY", "true", "`false` accepts any certificate: only for a test server"),
        Key("MAIL_AUTH", "auto", "`auto`, `plain`, `login` or `xoauth2`"),
        Key("MAIL_TOKEN_COMMAND", None, "prints the token for `xoauth2`"),
        Key("MAIL_OUTAGE", "count", "`count`: failures of the mail server cost attempts; `hold`: jobs wait"),
        Key("MAIL_OUTAGE_MAX", "24h", "with `hold`: how long jobs wait before they fail"),
        Key("MAIL_RATE", None, "limit of all workers together, such as 14/s or 30/m"),
        Key(
            "MAIL_ON_UNKNOWN",
            "retry",
            "no answer to a finished mail: `retry`, or `hold` for a person to decide",
        ),
        Key("MAIL_TO_OVERRIDE", None, "sends every mail to this one address (staging)"),
    ),
    "Log": (
        Key("LOG_CHANNEL", "single", "`single` (storage/logs/leadq.log), `daily`, or `stderr`"),
        Key("LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`"),
        Key("LOG_FORMAT", "text", "`text` or `json`"),
    ),
}

KEYS: dict[str, Key] = {key.name: key for group in GROUPS.values() for key in group}


def render_example() -> str:
    """The text of `.env.example`: every key with its meaning and, where that is safe, its default spelled out."""
    lines = [
        "# Settings of leadq. The environment beats this file; an empty value means the default.",
        "# Quote values that hold blanks, '#' or '$': MAIL_PASSWORD='a #1 pass'",
    ]
    for title, keys in GROUPS.items():
        lines += ["", f"# --- {title} ---"]
        for key in keys:
            default = f" (default: {key.default})" if key.default is not None else ""
            lines += [f"# {key.meaning}{default}", f"{key.name}={key.default or '' if key.written else ''}"]
    return "\n".join(lines) + "\n"
