"""Settings: every key's default, what it accepts, what it refuses and how."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leadq.config import Secret, Settings, load_settings
from leadq.errors import ConfigError
from leadq.settings_keys import KEYS, render_example

SECRET = "s3cret-pass"


def revealed(path: str) -> Callable[[Settings], str | None]:
    def read(settings: Settings) -> str | None:
        secret: Secret | None = attrgetter(path)(settings)
        return secret and secret.reveal()

    return read


class Case(NamedTuple):
    """A key: how its value is read, what it is by default, a valid value, and what is refused.

    `beside` are other keys without which the value makes no sense.
    """

    read: Callable[[Settings], Any]
    default: Any
    valid: str
    means: Any
    invalid: tuple[str, ...]
    beside: dict[str, str] = {}  # noqa: RUF012 - never changed


MYSQL = {"DB_CONNECTION": "mysql", "DB_DATABASE": "leads"}
LOGIN = {"MAIL_USERNAME": "ana", "MAIL_PASSWORD": SECRET}
CASES: dict[str, Case] = {
    "APP_NAME": Case(attrgetter("app_name"), "leadq", "  Acme \t Leads ", "Acme Leads", ()),
    "APP_ENV": Case(attrgetter("app_env"), "local", "Production", "production", ()),
    "APP_TIMEZONE": Case(
        attrgetter("timezone"), None, "Europe/Berlin", "Europe/Berlin", ("Mars/Olympus", "../../etc/passwd", "+02:00")
    ),
    "LEAD_URL": Case(
        attrgetter("lead_url"),
        None,
        "https://crm.example.com/leads/{id}",
        "https://crm.example.com/leads/{id}",
        (
            "crm.example.com/{id}",
            "ftp://crm.example.com",
            "javascript:alert(1)",
            "https://x/<b>",
            "https://",
            "http://[",
        ),
    ),
    "LEADQ_JOBS": Case(
        attrgetter("job_modules"), (), " shop.jobs , jobs ", ("shop.jobs", "jobs"), ("my-jobs", "a b", "a..b", "/x.py")
    ),
    "QUEUE_CONNECTION": Case(attrgetter("queue_connection"), "database", "SYNC", "sync", ("redis", "database,sync")),
    "DB_QUEUE": Case(attrgetter("default_queue"), "default", "leads:high", "leads:high", ("a b", "a,b", "x" * 101)),
    "DB_QUEUE_RETRY_AFTER": Case(attrgetter("retry_after"), 90, "2m", 120, ("0", "-1", "soon", "0.5")),
    "DB_CONNECTION": Case(
        attrgetter("database.connection"), "sqlite", "MariaDB", "mariadb", ("pgsql",), {"DB_DATABASE": "leads"}
    ),
    "DB_URL": Case(
        attrgetter("database.name"),
        None,
        "mysql://db/leads",
        "leads",
        (
            "leads.db",
            "postgres://db/leads",
            "mysql://db",
            "mysql://db:99999/leads",
            "mysql://db:x/leads",
            "mysql://db/leads?charset=x",
            "sqlite://",
        ),
    ),
    "DB_HOST": Case(attrgetter("database.host"), "127.0.0.1", "db.lan", "db.lan", (), MYSQL),
    "DB_PORT": Case(attrgetter("database.port"), 3306, "3307", 3307, ("0", "65536", "x", "-1", "33.06", "٣"), MYSQL),
    "DB_SOCKET": Case(attrgetter("database.socket"), None, "/run/mysqld.sock", "/run/mysqld.sock", (), MYSQL),
    "DB_DATABASE": Case(attrgetter("database.name"), None, "other.db", "other.db", (":memory:",)),
    "DB_USERNAME": Case(attrgetter("database.username"), None, "leadq", "leadq", (), MYSQL),
    "DB_PASSWORD": Case(revealed("database.password"), None, f" {SECRET} ", f" {SECRET} ", (), MYSQL),
    "MYSQL_ATTR_SSL_CA": Case(attrgetter("database.ca_file.name"), None, "ca.pem", "ca.pem", ("missing.pem",), MYSQL),
    "MAIL_MAILER": Case(attrgetter("mail.mailer"), "file", "LOG", "log", ("sendmail", "ses")),
    "MAIL_URL": Case(
        attrgetter("mail.host"),
        "127.0.0.1",
        "smtp://mx.example.com",
        "mx.example.com",
        ("mx.example.com", "http://mx.example.com", "smtp://", "smtp://mx:99999", "smtp://mx:x", "smtp://[mx"),
    ),
    "MAIL_SCHEME": Case(attrgetter("mail.scheme"), "smtp", "SMTPS", "smtps", ("tls", "ssl", "smtp://")),
    "MAIL_HOST": Case(attrgetter("mail.host"), "127.0.0.1", "mx.example.com", "mx.example.com", ()),
    "MAIL_PORT": Case(attrgetter("mail.port"), 587, "2525", 2525, ("0", "65536", "smtp", "-25", "25.5")),
    "MAIL_USERNAME": Case(attrgetter("mail.username"), None, "ana", "ana", (), {"MAIL_PASSWORD": SECRET}),
    "MAIL_PASSWORD": Case(revealed("mail.password"), None, SECRET, SECRET, (), {"MAIL_USERNAME": "ana"}),
    "MAIL_FROM_ADDRESS": Case(
        attrgetter("mail.from_address"),
        "leadq@localhost",
        "leads@EXÄMPLE.com",
        "leads@xn--exmple-cua.com",
        ("leads", "Leads <leads@example.com>", "josé@example.com"),
    ),
    "MAIL_FROM_NAME": Case(attrgetter("mail.from_name"), "leadq", "Acme  Leads", "Acme Leads", ()),
    "MAIL_REPLY_TO": Case(
        attrgetter("mail.reply_to"), None, "desk@example.com", "desk@example.com", ("desk", "a@b@c.d")
    ),
    "MAIL_EHLO_DOMAIN": Case(
        attrgetter("mail.ehlo_domain"), "localhost", "crm.example.com", "crm.example.com", ("a b", "x_y", "crm\r\nQUIT")
    ),
    "MAIL_TIMEOUT": Case(attrgetter("mail.timeout"), 10, "1m", 60, ("0", "-1", "long")),
    "MAIL_CA_FILE": Case(attrgetter("mail.ca_file.name"), None, "ca.pem", "ca.pem", ("missing.pem",)),
    "MAIL_VERIFY": Case(attrgetter("mail.verify"), True, "False", False, ("maybe", "2")),
    "MAIL_AUTH": Case(attrgetter("mail.auth"), "auto", "Login", "login", ("cram-md5",), LOGIN),
    "MAIL_TOKEN_COMMAND": Case(attrgetter("mail.token_command"), None, "get-token -q", "get-token -q", ()),
    "MAIL_OUTAGE": Case(attrgetter("mail.outage"), "count", "Hold", "hold", ("wait",)),
    "MAIL_OUTAGE_MAX": Case(attrgetter("mail.outage_max"), 86400, "90m", 5400, ("0", "forever")),
    "MAIL_RATE": Case(attrgetter("mail.rate_per_second"), None, "30/m", 0.5, ("14", "0/s", "14/d", "-1/s", "x/s")),
    "MAIL_ON_UNKNOWN": Case(attrgetter("mail.on_unknown"), "retry", "HOLD", "hold", ("fail",)),
    "MAIL_TO_OVERRIDE": Case(attrgetter("mail.to_override"), None, "qa@example.com", "qa@example.com", ("qa",)),
    "LOG_CHANNEL": Case(attrgetter("log.channel"), "single", "Daily", "daily", ("stack", "syslog")),
    "LOG_LEVEL": Case(attrgetter("log.level"), "info", "DEBUG", "debug", ("verbose", "10")),
    "LOG_FORMAT": Case(attrgetter("log.format"), "text", "JSON", "json", ("xml",)),
}
HAS_SECRETS = {"DB_URL", "MAIL_URL", "DB_PASSWORD", "MAIL_PASSWORD"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home without a `.env`, and a file for MAIL_CA_FILE."""
    (tmp_path / "ca.pem").touch()
    return tmp_path


def read(case: Case, folder: Path, environment: dict[str, str]) -> Any:
    settings = load_settings(folder, environment)
    try:
        return case.read(settings)
    except AttributeError:  # the last step of a path whose beginning is None
        return None


def write_env(folder: Path, **values: str) -> None:
    (folder / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in values.items()), encoding="utf-8")


def error_of(folder: Path, **environment: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        load_settings(folder, environment)
    return error.value


def test_every_key_has_a_case_here() -> None:
    assert CASES.keys() == KEYS.keys()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_absent_has_its_default(key: str, folder: Path) -> None:
    case = CASES[key]
    beside = {name: value for name, value in case.beside.items() if name.startswith("DB_") and name != key}
    assert read(case, folder, beside) == case.default


@pytest.mark.parametrize("key", KEYS)
def test_a_valid_value_is_taken_from_the_environment_and_from_the_file(key: str, folder: Path) -> None:
    case = CASES[key]
    assert read(case, folder, {**case.beside, key: case.valid}) == case.means
    write_env(folder, **case.beside, **{key: case.valid})
    assert read(case, folder, {}) == case.means


@pytest.mark.parametrize("key", KEYS)
def test_the_environment_beats_the_file(key: str, folder: Path) -> None:
    case = CASES[key]
    write_env(folder, **{key: case.invalid[0] if case.invalid else "from-the-file"})
    assert read(case, folder, {**case.beside, key: case.valid}) == case.means


@pytest.mark.parametrize("nothing", ["", "  ", "null", "NULL", "(null)", "empty", "(empty)"])
@pytest.mark.parametrize("key", KEYS)
def test_empty_and_null_mean_the_default(key: str, nothing: str, folder: Path) -> None:
    case = CASES[key]
    beside = {name: value for name, value in case.beside.items() if name.startswith("DB_") and name != key}
    assert read(case, folder, {**beside, key: nothing}) == case.default
    write_env(folder, **{key: nothing})
    assert read(case, folder, beside) == case.default


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, case in CASES.items() for value in case.invalid])
def test_a_wrong_value_is_one_error_that_names_key_value_and_what_was_expected(
    key: str, value: str, folder: Path
) -> None:
    error = error_of(folder, **{**CASES[key].beside, key: value})
    assert error.message.startswith(key)
    assert ": expected " in error.message or "is not " in error.message or "cannot be mailed" in error.message
    assert error.message.isprintable()
    if key not in HAS_SECRETS:
        assert error.message.startswith(f"{key}={' '.join(value.split())[:80]} is wrong: ")
    assert key in str(error.hint)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "storage/leadq.db"),
        ({"DB_DATABASE": "data/x.db"}, "data/x.db"),
        ({"DB_DATABASE": "/srv/x.db"}, "/srv/x.db"),
        ({"DB_URL": "sqlite:///storage/y.db"}, "storage/y.db"),
        ({"DB_URL": "sqlite:////srv/y%20z.db"}, "/srv/y z.db"),
        ({"DB_URL": "sqlite:///y.db", "DB_CONNECTION": "mysql", "DB_DATABASE": "x"}, "y.db"),
    ],
)
def test_a_relative_sqlite_path_is_relative_to_the_home(values: dict[str, str], path: str, folder: Path) -> None:
    database = load_settings(folder, values).database
    assert (database.connection, database.path) == ("sqlite", folder / path)


def test_the_parts_of_a_database_url_are_percent_decoded(folder: Path) -> None:
    url = "MySQL://le%40dq:p%40ss%2Fw%23rd%3A%25@db.lan:3307/le%20ads"
    database = load_settings(folder, {"DB_URL": url, "DB_USERNAME": "other", "DB_PASSWORD": "other"}).database
    assert (database.connection, database.host, database.port, database.name) == ("mysql", "db.lan", 3307, "le ads")
    assert database.username == "le@dq"
    assert database.password is not None
    assert database.password.reveal() == "p@ss/w#rd:%"
    assert database.path is None


def test_a_database_url_without_host_and_port_leaves_them_to_their_keys(folder: Path) -> None:
    database = load_settings(folder, {"DB_URL": "mariadb:///leads", "DB_HOST": "db.lan", "DB_PORT": "3310"}).database
    assert (database.connection, database.host, database.port) == ("mariadb", "db.lan", 3310)


def test_mysql_without_a_database_name_is_an_error(folder: Path) -> None:
    assert error_of(folder, DB_CONNECTION="mysql").message == (
        "DB_DATABASE is missing: DB_CONNECTION=mysql needs a database name"
    )


def test_a_database_in_memory_is_refused_under_the_key_that_asks_for_it(folder: Path) -> None:
    assert error_of(folder, DB_URL="sqlite:///:memory:").message.startswith("DB_URL")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("smtp://mx.lan", ("smtp", "mx.lan", 587, None, None)),
        ("smtps://mx.lan", ("smtps", "mx.lan", 465, None, None)),
        ("smtps://mx.lan:4465", ("smtps", "mx.lan", 4465, None, None)),
        ("smtp://ana%40acme.com:p%40ss%2F%3A%23%25@mx.lan:2525", ("smtp", "mx.lan", 2525, "ana@acme.com", "p@ss/:#%")),
        ("smtp://[::1]:25", ("smtp", "::1", 25, None, None)),
    ],
)
def test_the_parts_of_a_mail_url_are_percent_decoded(url: str, parts: tuple[object, ...], folder: Path) -> None:
    mail = load_settings(folder, {"MAIL_URL": url, "MAIL_HOST": "other", "MAIL_PORT": "1"}).mail
    password = mail.password and mail.password.reveal()
    assert (mail.scheme, mail.host, mail.port, mail.username, password) == parts


@pytest.mark.parametrize(
    ("values", "scheme", "port"),
    [
        ({}, "smtp", 587),
        ({"MAIL_PORT": "465"}, "smtps", 465),
        ({"MAIL_SCHEME": "smtps"}, "smtps", 465),
        ({"MAIL_PORT": "465", "MAIL_SCHEME": "smtp"}, "smtp", 465),
        ({"MAIL_PORT": "2465", "MAIL_SCHEME": "smtps"}, "smtps", 2465),
        ({"MAIL_PORT": "25"}, "smtp", 25),
    ],
)
def test_port_465_means_tls_at_once_and_the_other_way_round(
    values: dict[str, str], scheme: str, port: int, folder: Path
) -> None:
    mail = load_settings(folder, values).mail
    assert (mail.scheme, mail.port) == (scheme, port)


def test_with_smtp_the_sender_must_be_set(folder: Path) -> None:
    error = error_of(folder, MAIL_MAILER="smtp")
    assert error.message.startswith("MAIL_FROM_ADDRESS is missing")
    assert error.hint == "Add MAIL_FROM_ADDRESS=leads@your-domain to .env."
    assert load_settings(folder, {"MAIL_MAILER": "smtp", "MAIL_FROM_ADDRESS": "a@example.com"}).mail.mailer == "smtp"


def test_what_depends_on_another_key_follows_it(folder: Path) -> None:
    mail = load_settings(folder, {"APP_NAME": "Acme", "MAIL_FROM_ADDRESS": "leads@acme.com"}).mail
    assert (mail.from_name, mail.ehlo_domain) == ("Acme", "acme.com")


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"MAIL_PASSWORD": SECRET}, "MAIL_USERNAME"),
        ({"MAIL_AUTH": "plain"}, "MAIL_USERNAME"),
        ({"MAIL_USERNAME": "ana"}, "MAIL_PASSWORD"),
        ({"MAIL_URL": "smtp://ana@mx.lan"}, "MAIL_PASSWORD"),
        ({"MAIL_USERNAME": "ana", "MAIL_AUTH": "xoauth2"}, "MAIL_TOKEN_COMMAND"),
    ],
)
def test_half_a_login_is_an_error(values: dict[str, str], missing: str, folder: Path) -> None:
    error = error_of(folder, **values)
    assert error.message.startswith(f"{missing} is missing: ")
    assert SECRET not in repr(error)


@pytest.mark.parametrize("key", ["DB_URL", "MAIL_URL"])
@pytest.mark.parametrize(
    "url",
    [
        f"ftp://ana:{SECRET}@mx.lan/x",
        f"smtp://ana:{SECRET}@mx.lan:99999/x",
        f"mysql://ana:{SECRET}@mx.lan:port/x",
        f"smtp://ana:{SECRET}#@mx.lan/x",
        f"mysql://ana:{SECRET}/@mx.lan/x",
        f"ana:{SECRET}@mx.lan",
        f"smtp:ana:{SECRET}@mx.lan",
        f"smtp://ana:{SECRET}@",
        f"mysql://ana:{SECRET}@mx.lan",
        f"smtp://ana:{SECRET}@[mx.lan",
    ],
)
def test_a_wrong_url_never_shows_its_password(key: str, url: str, folder: Path) -> None:
    trace = ""
    try:
        shown = repr(load_settings(folder, {key: url}))
    except ConfigError as error:
        shown, trace = f"{error.message} {error.hint}", "".join(traceback.format_exception(error))
    assert SECRET not in shown
    assert SECRET not in trace


def test_secrets_never_print(folder: Path) -> None:
    settings = load_settings(folder, {**LOGIN, **MYSQL, "DB_USERNAME": "ana", "DB_PASSWORD": SECRET})
    assert settings.mail.password is not None
    assert settings.mail.password.reveal() == SECRET
    assert SECRET not in repr(settings) + str(settings) + f"{settings.mail.password}{settings.database.password!r}"


def test_a_file_in_another_encoding_is_an_error(folder: Path) -> None:
    (folder / ".env").write_bytes(b"APP_NAME=\xff\xfe\n")
    error = error_of(folder)
    assert error.message.startswith(f"cannot read {folder / '.env'}: ")
    assert error.hint == "It must be a UTF-8 text file."


@pytest.mark.parametrize("line", [f"MAIL_PASSWORD='{SECRET}", "MAIL_PORT 2525", "=value"])
def test_a_line_that_cannot_be_read_is_an_error_that_names_it(line: str, folder: Path) -> None:
    (folder / ".env").write_text(f"APP_NAME=Acme\n{line}\nLOG_LEVEL=debug\n")
    error = error_of(folder)
    assert str(folder / ".env") in error.message
    assert "line 2" in error.message
    assert SECRET not in error.message


def test_a_byte_order_mark_comments_quotes_and_export_are_understood(folder: Path) -> None:
    (folder / ".env").write_text(
        '\ufeffAPP_NAME=Acme # a comment\n# LOG_LEVEL=debug\nexport DB_QUEUE="high"\nMAIL_USERNAME=ana\n'
        "MAIL_PASSWORD='a #1 $pass'\n",
        encoding="utf-8",
    )
    settings = load_settings(folder, {})
    assert (settings.app_name, settings.default_queue, settings.log.level) == ("Acme", "high", "info")
    assert settings.mail.password is not None
    assert settings.mail.password.reveal() == "a #1 $pass"


def test_production_is_production_whatever_its_case(folder: Path) -> None:
    assert load_settings(folder, {"APP_ENV": "PRODUCTION"}).in_production
    assert not load_settings(folder, {"APP_ENV": "staging"}).in_production


def test_the_example_means_the_defaults(folder: Path) -> None:
    defaults = load_settings(folder, {})
    (folder / ".env").write_text(render_example(), encoding="utf-8")
    assert load_settings(folder, {}) == defaults


def test_the_example_in_the_repository_is_rendered_from_the_keys() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    assert example.read_text(encoding="utf-8") == render_example()


def test_the_example_has_a_line_for_every_key_and_one_that_explains_it() -> None:
    lines = render_example().splitlines()
    keys = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert keys == list(KEYS)
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            key = KEYS[line.partition("=")[0]]
            default = f" (default: {key.default})" if key.default is not None else ""
            assert lines[number - 1] == f"# {key.meaning}{default}"
