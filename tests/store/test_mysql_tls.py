"""TLS to the server: with an authority's file always, and with nobody whom that authority does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.homes import Home
from tests.mariadb import HOST, MariaDbDatabase, MariaDbServer

pytestmark = pytest.mark.mariadb_only("TLS to a server")

UNTRUSTED = "Error: there is no TLS connection to the database server that can be trusted ("
CHECK = "Check MYSQL_ATTR_SSL_CA in .env, and that DB_HOST is the name in the server's certificate."


class TlsServer(MariaDbServer):
    """A server with a certificate."""

    def __init__(self, options: list[str]) -> None:
        super().__init__()
        self._options = options

    def _common_options(self) -> list[str]:
        return [*super()._common_options(), *self._options]


def files(folder: Path, name: str) -> tuple[Path, list[str]]:
    """An authority's file, and the options of a server with a certificate of that for a name."""
    authority = trustme.CA()
    certificate = authority.issue_cert(name)
    paths = [folder / kind for kind in ("ca.pem", "key.pem", "cert.pem")]
    authority.cert_pem.write_to_path(paths[0])
    certificate.private_key_pem.write_to_path(paths[1])
    certificate.cert_chain_pems[0].write_to_path(paths[2])
    return paths[0], [f"--ssl-key={paths[1]}", f"--ssl-cert={paths[2]}"]


@pytest.fixture(scope="module")
def authority_file_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, TlsServer]]:
    file, options = files(tmp_path_factory.mktemp("tls"), HOST)
    with TlsServer(options) as server:
        yield file, server


def cipher(home: Home) -> str:
    with home.store() as store:
        return str(store._session.database.execute_sql("SHOW STATUS LIKE 'Ssl_cipher'").fetchone()[1])


@pytest.fixture
def encrypted(home: Home, authority_file_and_server: tuple[Path, TlsServer]) -> Iterator[Home]:
    """A home on the server with a certificate."""
    file, server = authority_file_and_server
    database = MariaDbDatabase(server)
    home.environment |= {**database.environment, "MYSQL_ATTR_SSL_CA": str(file)}
    yield home
    server.drop_database(database.name)


def test_with_an_authority_that_has_signed_the_certificate_the_connection_is_encrypted(encrypted: Home) -> None:
    assert cipher(encrypted).startswith("TLS")
    encrypted.leadq("user", "create", "--name", "Ana", "--email", "ana@example.com")
    assert encrypted.json("user", "list")["total"] == 1


def assert_untrusted(home: Home) -> None:
    """A command finds no server to trust, and says what to do."""
    error, hint = home.leadq("size", exit_code=1).stderr.splitlines()
    assert error.startswith(UNTRUSTED)
    assert hint.strip() == CHECK


def test_an_authority_that_has_not_signed_the_certificate_is_an_error(encrypted: Home, tmp_path: Path) -> None:
    encrypted.environment["MYSQL_ATTR_SSL_CA"] = str(files(tmp_path, HOST)[0])
    assert_untrusted(encrypted)


def test_a_certificate_for_another_name_is_an_error(encrypted: Home) -> None:
    encrypted.environment["DB_HOST"] = "localhost"
    assert_untrusted(encrypted)


def test_a_server_without_tls_is_an_error_where_an_authority_is_given(home: Home, tmp_path: Path) -> None:
    home.environment["MYSQL_ATTR_SSL_CA"] = str(files(tmp_path, HOST)[0])
    assert_untrusted(home)


def test_a_file_without_an_authority_is_an_error_that_names_the_setting(home: Home) -> None:
    home.environment["MYSQL_ATTR_SSL_CA"] = ".leadq"
    result = home.leadq("size", exit_code=1)
    assert result.stderr.startswith(f"Error: MYSQL_ATTR_SSL_CA={home.path / '.leadq'} is wrong: expected certificates")


def test_a_server_on_this_host_is_spoken_to_in_plain_text_where_no_authority_is_given(encrypted: Home) -> None:
    del encrypted.environment["MYSQL_ATTR_SSL_CA"]
    assert cipher(encrypted) == ""
