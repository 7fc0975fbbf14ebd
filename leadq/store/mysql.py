"""A MySQL or MariaDB server as leadq connects to it."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from typing import Any

from leadq.config import DatabaseSettings
from leadq.errors import ConfigError, StoreError
from leadq.store.late_begin import MULTI_STATEMENTS, LateBegin
from leadq.store.pymysql_alone import import_pymysql

CONNECT_SECONDS = 10
REPLY_SECONDS = 60  # a server that hangs must not hold a worker for ever; the longest statement is far shorter
LOCK_SECONDS = 5  # how long a statement waits for another transaction's row, as long as on SQLite
TABLE_LOCK_SECONDS = 30  # … and for a table that is being altered

# The same on every server, whatever its own settings. STRICT: a text that does not fit is an error and not cut off.
SESSION = (
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',"
    f" time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_SECONDS}, lock_wait_timeout = {TABLE_LOCK_SECONDS}",
    # no gap locks: a worker must not lock the place where another one's job will be
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)

FOUND_ROWS = 2  # CLIENT.FOUND_ROWS: an UPDATE counts the rows that it found, as SQLite does, not those that differ

THIS_HOST = ("127.0.0.1", "::1", "localhost")

OLDEST_MYSQL = (5, 7, 9)  # indexes of 3072 bytes: https://dev.mysql.com/doc/refman/5.7/en/innodb-limits.html
OLDEST_MARIADB = (10, 2, 2)
SKIP_LOCKED_MYSQL = (8, 0, 1)  # https://dev.mysql.com/doc/refman/8.0/en/innodb-locking-reads.html
SKIP_LOCKED_MARIADB = (10, 6, 0)


class MysqlServer(LateBegin):
    """A server; each connection gets the session that leadq reckons with.

    Args:
        settings: where it is.
        reply_seconds: how long one answer is waited for; None stands for REPLY_SECONDS.

    Raises:
        ConfigError: no driver is installed.
    """

    def __init__(self, settings: DatabaseSettings, *, reply_seconds: int | None = None) -> None:
        self._driver = _driver(settings)
        self._ca_file = settings.ca_file
        super().__init__(settings.name, **_parameters(settings, self._driver.__name__, reply_seconds or REPLY_SECONDS))

    def _connect(self) -> Any:
        try:
            connection = self._driver.connect(database=self.database, autocommit=True, **self.connect_params)
        except RuntimeError as error:  # PyMySQL: the account's kind of password needs a further package
            package = "pynacl" if "pynacl" in str(error) else "'leadq[mysql]'"
            raise StoreError(
                f"the database cannot be asked for a login: {error}", hint=f"Run: pip install {package}"
            ) from error
        except OSError as error:  # PyMySQL makes its own error of any but those of the file
            raise ConfigError(
                f"MYSQL_ATTR_SSL_CA={self._ca_file} is wrong: expected certificates in PEM form ({error})"
            ) from error
        with connection.cursor() as cursor:
            for statement in SESSION:
                cursor.execute(statement)
        return connection


def require_supported(version: str) -> None:
    """Returns where leadq can work on a server of this version. Raises StoreError."""
    numbers, is_mariadb = _parsed(version)
    oldest = OLDEST_MARIADB if is_mariadb else OLDEST_MYSQL
    if numbers < oldest:
        name = "MariaDB" if is_mariadb else "MySQL"
        raise StoreError(
            f"the database server is too old: it is {name} {'.'.join(map(str, numbers))},"
            f" expected {'.'.join(map(str, oldest))} or newer",
            hint="MySQL 8.0 or MariaDB 10.6 and newer are best.",
        )


def skips_locked_rows(version: str) -> bool:
    """Whether a server of this version knows SKIP LOCKED."""
    numbers, is_mariadb = _parsed(version)
    return numbers >= (SKIP_LOCKED_MARIADB if is_mariadb else SKIP_LOCKED_MYSQL)


def _parsed(version: str) -> tuple[tuple[int, ...], bool]:
    """`10.11.6-MariaDB-log` → ((10, 11, 6), True); some proxies put `5.5.5-` before it."""
    is_mariadb = "mariadb" in version.lower()
    text = version.removeprefix("5.5.5-") if is_mariadb else version
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3]), is_mariadb


def _import_mysqlclient() -> Any:
    return importlib.import_module("MySQLdb")  # in C, where somebody has installed it


def _driver(settings: DatabaseSettings) -> Any:
    for import_driver in (_import_mysqlclient, import_pymysql):
        with suppress(ImportError):
            return import_driver()
    raise ConfigError(
        f"DB_CONNECTION={settings.connection} needs a driver, and none is installed",
        hint="Run: pip install 'leadq[mysql]'",
    )


def _parameters(settings: DatabaseSettings, driver: str, reply_seconds: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "charset": "utf8mb4",
        "client_flag": FOUND_ROWS | MULTI_STATEMENTS,
        "connect_timeout": min(CONNECT_SECONDS, reply_seconds),
        "read_timeout": reply_seconds,
        "write_timeout": reply_seconds,
    }
    if settings.socket:
        parameters["unix_socket"] = settings.socket
    else:
        by_socket = driver == "MySQLdb" and settings.host == "localhost"  # so it takes that name, whatever the port
        parameters |= {"host": "127.0.0.1" if by_socket else settings.host, "port": settings.port}
    if settings.username:
        parameters["user"] = settings.username
    if settings.password:
        password = settings.password.reveal()
        parameters["password"] = password.encode() if driver == "pymysql" else password  # it takes a text for Latin-1
    return parameters | (_tls_of_pymysql if driver == "pymysql" else _tls_of_mysqlclient)(settings)


def _tls_of_pymysql(settings: DatabaseSettings) -> dict[str, Any]:
    """With an authority: TLS and nothing else, a certificate that is checked and a name that fits.

    Without one PyMySQL encrypts where the server can, unchecked. On this host that protects nothing, and reading all
    authorities first takes as long as all the rest of a command.
    """
    if settings.ca_file:
        return {"ssl_ca": str(settings.ca_file), "ssl_verify_cert": True, "ssl_verify_identity": True}
    return {"ssl_disabled": True} if settings.socket or settings.host in THIS_HOST else {}


def _tls_of_mysqlclient(settings: DatabaseSettings) -> dict[str, Any]:
    return {"ssl": {"ca": str(settings.ca_file)}, "ssl_mode": "VERIFY_IDENTITY"} if settings.ca_file else {}
