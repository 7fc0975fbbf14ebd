"""A server that cannot be used: one line that says why, one that says what to do, and never the password."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator

import pytest

from leadq.store import dialect
from tests.homes import Home
from tests.mariadb import HOST, PASSWORD, MariaDbServer
from tests.smtp_servers import MailServer

pytestmark = pytest.mark.mariadb_only("what a server can refuse")

REACH = "Check that it runs, and DB_HOST, DB_PORT and DB_SOCKET in .env."
LOGIN = (
    "Check DB_USERNAME and DB_PASSWORD in .env, and from which host the account may log in; one that requires TLS "
    "needs MYSQL_ATTR_SSL_CA."
)
RIGHTS = "Check DB_DATABASE in .env, and the account's rights: SHOW GRANTS"
DRIVER = "Run: pip install 'leadq[mysql]'"
CREATE_USER = ("user", "create", "--name", "Ana", "--email", "ana@example.com")


def refused(home: Home, *arguments: str, **environment: str) -> tuple[str, str]:
    """What a command that cannot be done says, and what it tells to do."""
    home.environment |= environment
    command = arguments or ("size",)
    result = home.leadq(*command, exit_code=1)
    told = [result.stdout, result.stderr, home.leadq("-v", *command, exit_code=1).stderr, home.log]
    assert not [text for text in told if PASSWORD in text or "p@ss" in text]
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    return error.removeprefix("Error: "), hint.strip()


@pytest.fixture
def account(home: Home, mariadb: MariaDbServer) -> Iterator[Callable[[str], None]]:
    """Makes an account, as CREATE USER goes on after its name, and has the home use it."""
    name = "visitor"

    def create(identified: str) -> None:
        mariadb.execute(f"CREATE USER {name} {identified}")
        home.environment["DB_USERNAME"] = name

    yield create
    mariadb.execute(f"DROP USER IF EXISTS {name}")


@pytest.mark.parametrize("command", [("size",), ("work", "--once"), ("migrate",), ("migrate", "--status"), CREATE_USER])
def test_a_server_that_does_not_run_is_an_error_of_every_command(home: Home, command: tuple[str, ...]) -> None:
    message, hint = refused(home, *command, DB_PORT="1")
    assert message.startswith("the database server cannot be reached (Can't connect to ")
    assert "'127.0.0.1'" in message
    assert hint == REACH


@pytest.mark.parametrize(
    ("environment", "begins", "hint"),
    [
        ({"DB_HOST": "nowhere.invalid"}, "the database server cannot be reached (", REACH),
        ({"DB_PASSWORD": f"{PASSWORD}8"}, "the database server refuses the login (", LOGIN),
        ({"DB_PASSWORD": ""}, "the database server refuses the login (", LOGIN),
        ({"DB_USERNAME": "nobody"}, "the database server refuses the login (", LOGIN),
        ({"DB_DATABASE": "mysql"}, "the database account may not use this database (", RIGHTS),
        (
            {"DB_DATABASE": "leadq_none"},
            "the server has no such database (Unknown database 'leadq_none')",
            "Check DB_DATABASE in .env, or make it: CREATE DATABASE name CHARACTER SET utf8mb4",
        ),
    ],
    ids=["host", "password", "no password", "account", "somebody else's database", "database"],
)
def test_a_wrong_setting_is_an_error_that_names_it(
    home: Home, environment: dict[str, str], begins: str, hint: str
) -> None:
    message, told = refused(home, **environment)
    assert message.startswith(begins)
    assert told == hint


def test_a_socket_that_is_not_there_is_an_error(home: Home) -> None:
    home.environment["DB_SOCKET"] = str(home.path / "nowhere")
    result = home.run("size", exit_code=1)
    assert result.stderr.startswith("Error: the database server cannot be reached (Can't connect to ")
    assert result.stderr.endswith(f"\n  {REACH}\n")


def test_something_else_that_answers_is_an_error(home: Home, mail_server: MailServer) -> None:
    message, hint = refused(home, DB_PORT=str(mail_server.port))
    assert message.startswith("what answers is no MySQL server (")
    assert hint == REACH


def test_an_account_without_a_right_on_the_database_is_an_error(home: Home, account: Callable[[str], None]) -> None:
    account(f"IDENTIFIED BY '{PASSWORD}'")
    message, hint = refused(home)
    assert message.startswith("the database account may not use this database (Access denied for user 'visitor'@")
    assert hint == RIGHTS


def test_an_account_of_the_systems_user_is_an_error_that_names_the_socket(
    home: Home, account: Callable[[str], None]
) -> None:
    account("IDENTIFIED VIA unix_socket")
    message, hint = refused(home)
    assert message.startswith("the database server refuses the login (Access denied for user 'visitor'@")
    assert "through DB_SOCKET alone" in hint


@pytest.mark.parametrize(
    ("restriction", "begins", "told"),
    [
        ("ACCOUNT LOCK", "the database account is locked (", "Unlock it: ALTER USER … ACCOUNT UNLOCK, or use another."),
        ("PASSWORD EXPIRE", "the password of the database account has expired (", "Set a new one: ALTER USER … "),
        ("REQUIRE SSL", "the database server refuses the login (", LOGIN),
    ],
    ids=["locked", "expired", "TLS alone"],
)
def test_an_account_that_may_not_log_in_as_it_is_is_an_error_that_says_why(
    home: Home, mariadb: MariaDbServer, account: Callable[[str], None], restriction: str, begins: str, told: str
) -> None:
    account(f"IDENTIFIED BY '{PASSWORD}' {restriction}")
    mariadb.execute(f"GRANT ALL ON {home.environment['DB_DATABASE']}.* TO visitor")
    message, hint = refused(home)
    assert message.startswith(begins)
    assert hint.startswith(told)


def test_an_account_of_a_kind_that_needs_a_further_package_is_an_error_that_names_it(
    home: Home, mariadb: MariaDbServer, account: Callable[[str], None]
) -> None:
    pytest.importorskip("pymysql")
    if importlib.util.find_spec("nacl"):
        pytest.skip("pynacl is installed")
    mariadb.execute("INSTALL SONAME 'auth_ed25519'")
    try:
        account(f"IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')")
        message, hint = refused(home)
    finally:
        mariadb.execute("UNINSTALL SONAME 'auth_ed25519'")
    assert "pynacl" in message
    assert hint == "Run: pip install pynacl"


@pytest.mark.parametrize("command", [CREATE_USER, ("work", "--once")])
def test_a_server_that_takes_no_changes_is_an_error(
    home: Home, mariadb: MariaDbServer, command: tuple[str, ...]
) -> None:
    mariadb.execute("SET GLOBAL read_only = 1")
    message, hint = refused(home, *command)
    assert message.startswith("the database server takes no changes (")
    assert hint == "Is DB_HOST a replica? Workers need the server that writes."
    assert home.leadq("size").exit_code == 0


@pytest.mark.parametrize("command", ["size", "migrate", "init"])
def test_a_driver_that_is_not_installed_is_an_error(home: Home, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    for name in ("MySQLdb", "pymysql"):
        monkeypatch.setitem(sys.modules, name, None)
    assert refused(home, command) == ("DB_CONNECTION=mariadb needs a driver, and none is installed", DRIVER)


@pytest.mark.parametrize("command", ["size", "migrate"])
def test_a_server_that_is_too_old_is_an_error(home: Home, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    require = dialect.require_supported
    monkeypatch.setattr(dialect, "require_supported", lambda version: require("5.5.5-10.1.48-MariaDB"))
    assert refused(home, command) == (
        "the database server is too old: it is MariaDB 10.1.48, expected 10.2.2 or newer",
        "MySQL 8.0 or MariaDB 10.6 and newer are best.",
    )


def test_a_url_may_hold_everything_and_a_password_of_any_letters(
    home: Home, mariadb: MariaDbServer, account: Callable[[str], None]
) -> None:
    account("IDENTIFIED BY 'p@ss:w/#?'")
    database = home.environment["DB_DATABASE"]
    mariadb.execute(f"GRANT ALL ON {database}.* TO visitor")
    home.environment.clear()
    for password, exit_code in (("p%40ss%3Aw%2F%23%3F", 0), ("p%40ss", 1)):
        home.environment["DB_URL"] = f"mysql://visitor:{password}@{HOST}:{mariadb.port}/{database}"
        assert home.leadq("size", exit_code=None).exit_code == exit_code
    assert refused(home)[1] == LOGIN


def test_a_socket_serves_instead_of_host_and_port(home: Home, mariadb: MariaDbServer) -> None:
    ((path,),) = mariadb.execute("SELECT @@socket")
    home.environment |= {"DB_SOCKET": path, "DB_HOST": "nowhere.invalid", "DB_PORT": "1"}
    assert home.leadq("size").stdout == "0\n"


@pytest.mark.parametrize("password", ["pässwörd", "пароль 7", "🔑"])
def test_a_password_may_be_of_any_script(
    home: Home, mariadb: MariaDbServer, account: Callable[[str], None], password: str
) -> None:
    account(f"IDENTIFIED BY '{password}'")
    mariadb.execute(f"GRANT ALL ON {home.environment['DB_DATABASE']}.* TO visitor")
    home.environment["DB_PASSWORD"] = password
    assert home.leadq("size").stdout == "0\n"
