"""Settings: read once from the environment and the home's `.env`, validated, frozen.

No other module reads a setting from os.environ.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadq import settings_parsers as parse
from leadq.errors import ConfigError
from leadq.secret import Secret
from leadq.settings_values import Values, default_of, one_line


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where the store is. `path` is set for SQLite alone; the others for MySQL and MariaDB.

    `ca_file` asks for TLS with a certificate that one of these authorities has signed.
    """

    connection: str
    path: Path | None
    host: str
    port: int
    socket: str | None
    name: str | None
    username: str | None
    password: Secret | None
    ca_file: Path | None


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """How mail leaves. Times are seconds; `rate_per_second` is None for no limit."""

    mailer: str
    scheme: str
    host: str
    port: int
    username: str | None
    password: Secret | None
    from_address: str
    from_name: str
    reply_to: str | None
    ehlo_domain: str
    timeout: float
    ca_file: Path | None
    verify: bool
    auth: str
    token_command: str | None
    outage: str
    outage_max: float
    rate_per_second: float | None
    on_unknown: str
    to_override: str | None


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """Where and how to log."""

    channel: str
    level: str
    format: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one home. `timezone` is None for the system's."""

    home: Path
    app_name: str
    app_env: str
    timezone: str | None
    lead_url: str | None
    job_modules: tuple[str, ...]
    queue_connection: str
    default_queue: str
    retry_after: int
    database: DatabaseSettings
    mail: MailSettings
    log: LogSettings

    @property
    def storage(self) -> Path:
        """The folder for the database, mails and logs."""
        return self.home / "storage"

    @property
    def in_production(self) -> bool:
        """Whether commands that destroy something must ask."""
        return self.app_env == "production"


def load_settings(home: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `home`.

    Args:
        home: the folder that holds `.env`.
        environment: beats `.env`; the process environment if None.

    Raises:
        ConfigError: `.env` cannot be read, or a value is wrong; names the key, the value (unless it is
            secret) and what was expected.
    """
    values = _values(home, environment)
    return Settings(
        home=home,
        app_name=values.text("APP_NAME"),
        app_env=values.text("APP_ENV").lower(),
        timezone=values.optional("APP_TIMEZONE", parse.timezone),
        lead_url=values.optional("LEAD_URL", parse.lead_url),
        job_modules=values.optional("LEADQ_JOBS", parse.module_names) or (),
        queue_connection=values.choice("QUEUE_CONNECTION", "database", "sync"),
        default_queue=values.parsed("DB_QUEUE", parse.queue_name),
        retry_after=values.parsed("DB_QUEUE_RETRY_AFTER", parse.whole_seconds),
        database=_database_settings(values, home),
        mail=_mail_settings(values, home),
        log=LogSettings(
            channel=values.choice("LOG_CHANNEL", "single", "daily", "stderr"),
            level=values.choice("LOG_LEVEL", "debug", "info", "warning", "error"),
            format=values.choice("LOG_FORMAT", "text", "json"),
        ),
    )


def require_settings(home: Path, environment: Mapping[str, str] | None = None) -> None:
    """Returns where somebody has said how mail leaves `home`.

    A home whose `.env` is gone has every default, so its worker would put all mails into files, and call them sent.

    Args:
        home: see load_settings.
        environment: see load_settings.

    Raises:
        ConfigError: there is no `.env`, and the environment does not say it either.
    """
    if not (home / ".env").is_file() and not Values({}, os.environ if environment is None else environment).raw(
        "MAIL_MAILER"
    ):
        raise ConfigError(
            f"there is no {home / '.env'}, and MAIL_MAILER is not set: mails would go into files",
            hint=f"Put the file back, or make one to begin with: leadq init {home}",
        )


def load_database_settings(home: Path, environment: Mapping[str, str] | None = None) -> DatabaseSettings:
    """The part of `load_settings` that says where the store is. Raises ConfigError as that does."""
    return _database_settings(_values(home, environment), home)


def load_mail_settings(home: Path, environment: Mapping[str, str] | None = None) -> MailSettings:
    """The part of `load_settings` that says how mail leaves. Raises ConfigError as that does."""
    return _mail_settings(_values(home, environment), home)


def _values(home: Path, environment: Mapping[str, str] | None) -> Values:
    return Values(_read_env_file(home / ".env"), os.environ if environment is None else environment)


def _read_env_file(path: Path) -> dict[str, str | None]:
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError):
            hint = "Run leadq as the account that the file belongs to, or give it the file: chown ACCOUNT"
            raise ConfigError(f"cannot read {path}: {error.strerror}", hint=f"{hint} {path}") from error
        raise ConfigError(f"cannot read {path}: {error}", hint="It must be a UTF-8 text file.") from error
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:  # dotenv itself would skip it
            raise ConfigError(
                f"line {binding.original.line} of {path} cannot be read: expected KEY=value",
                hint="Is a quotation mark missing? A comment begins with #.",
            )
    return dict(dotenv_values(stream=io.StringIO(text)))


def _database_settings(values: Values, home: Path) -> DatabaseSettings:
    url = values.optional("DB_URL", parse.database_url)
    connection = url.scheme if url else values.choice("DB_CONNECTION", "sqlite", "mysql", "mariadb")
    name = url.path[1:] if url else values.raw("DB_DATABASE")
    path = None
    if connection == "sqlite":
        path = home / (name or default_of("DB_DATABASE"))
        if name == ":memory:":
            key, shown = ("DB_URL", "DB_URL") if url else ("DB_DATABASE", "DB_DATABASE=:memory:")
            raise ConfigError(
                f"{shown} is wrong: expected a file, since workers are other processes",
                hint=f"Leave {key} empty for storage/leadq.db.",
            )
    elif not name:
        raise ConfigError(f"DB_DATABASE is missing: DB_CONNECTION={connection} needs a database name")
    return DatabaseSettings(
        connection=connection,
        path=path,
        host=(url and url.host) or values.text("DB_HOST"),
        port=(url and url.port) or values.parsed("DB_PORT", parse.port),
        socket=values.raw("DB_SOCKET"),
        name=name,
        username=url.username if url else values.raw("DB_USERNAME"),
        password=url.password if url else values.secret("DB_PASSWORD"),
        ca_file=values.optional("MYSQL_ATTR_SSL_CA", lambda text: parse.existing_file(home / text)),
    )


def _mail_settings(values: Values, home: Path) -> MailSettings:
    url = values.optional("MAIL_URL", parse.mail_url)
    mailer = values.choice("MAIL_MAILER", "file", "log", "smtp")
    port, scheme = _port_and_scheme(values, url)
    username = url.username if url else values.raw("MAIL_USERNAME")
    password = url.password if url else values.secret("MAIL_PASSWORD")
    auth = values.choice("MAIL_AUTH", "auto", "plain", "login", "xoauth2")
    token_command = values.raw("MAIL_TOKEN_COMMAND")
    sender = values.optional("MAIL_FROM_ADDRESS", parse.address)
    if mailer == "smtp" and sender is None:
        raise ConfigError(
            "MAIL_FROM_ADDRESS is missing: with MAIL_MAILER=smtp the sender must be an address of yours",
            hint="Add MAIL_FROM_ADDRESS=leads@your-domain to .env.",
        )
    if username is None and (password is not None or auth != "auto"):
        raise ConfigError("MAIL_USERNAME is missing: there is a password or a MAIL_AUTH, but no login name")
    if username is not None and password is None and auth != "xoauth2":
        raise ConfigError("MAIL_PASSWORD is missing: there is a MAIL_USERNAME, but no password")
    if auth == "xoauth2" and token_command is None:
        raise ConfigError(
            "MAIL_TOKEN_COMMAND is missing: MAIL_AUTH=xoauth2 logs in with a token that a command prints",
            hint="Add MAIL_TOKEN_COMMAND='/usr/local/bin/mail-token' or the like to .env.",
        )
    sender = sender or default_of("MAIL_FROM_ADDRESS")
    ca_file = values.optional("MAIL_CA_FILE", lambda text: parse.existing_file(home / text))
    return MailSettings(
        mailer=mailer,
        scheme=scheme,
        host=(url and url.host) or values.text("MAIL_HOST"),
        port=port,
        username=username,
        password=password,
        from_address=sender,
        from_name=one_line(values.raw("MAIL_FROM_NAME") or values.text("APP_NAME")),
        reply_to=values.optional("MAIL_REPLY_TO", parse.address),
        ehlo_domain=values.optional("MAIL_EHLO_DOMAIN", parse.domain) or sender.rpartition("@")[2],
        timeout=values.parsed("MAIL_TIMEOUT", parse.positive_seconds),
        ca_file=ca_file,
        verify=values.parsed("MAIL_VERIFY", parse.boolean),
        auth=auth,
        token_command=token_command,
        outage=values.choice("MAIL_OUTAGE", "count", "hold"),
        outage_max=values.parsed("MAIL_OUTAGE_MAX", parse.positive_seconds),
        rate_per_second=values.optional("MAIL_RATE", parse.rate),
        on_unknown=values.choice("MAIL_ON_UNKNOWN", "retry", "hold"),
        to_override=values.optional("MAIL_TO_OVERRIDE", parse.address),
    )


def _port_and_scheme(values: Values, url: parse.Url | None) -> tuple[int, str]:
    """Port 465 means smtps and smtps means port 465, where the other is not given (Laravel, config/mail.php)."""
    if url:
        return url.port or (465 if url.scheme == "smtps" else 587), url.scheme
    given_port = values.optional("MAIL_PORT", parse.port)
    given_scheme = None if values.raw("MAIL_SCHEME") is None else values.choice("MAIL_SCHEME", "smtp", "smtps")
    scheme = given_scheme or ("smtps" if given_port == 465 else "smtp")
    return given_port or (465 if scheme == "smtps" else 587), scheme
