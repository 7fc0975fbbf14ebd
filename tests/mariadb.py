"""A MariaDB server of the tests' own: its data in a temporary folder, on a port of its own, gone when they end."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pymysql

from leadq.config import load_settings
from leadq.store.dialect import open_database
from leadq.store.schema import migrate

HOST = "127.0.0.1"
ACCOUNT = "leadq"
PASSWORD = "db-secret-7"  # recognisable, so that a test can look for it in what leadq prints
TEMPLATE = "leadq_template"
START_SECONDS = 30

# Reads the pid of the server that runs now, line by line. Its input ends when the test process does, however that ends.
KEEPER = 'while read -r pid; do server=$pid; done; [ -z "$server" ] || kill -KILL "$server"; rm -rf "$1"'

SERVER_OPTIONS = (
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=2",  # survives kill -9, and costs no fsync
    "--skip-innodb-doublewrite",
    "--innodb-file-per-table=0",
    "--innodb-stats-persistent=0",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
    # what leadq must not lean on
    "--character-set-server=latin1",
    "--default-time-zone=+05:30",
)

DURABLE_OPTIONS = (
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=256M",
    "--max-connections=300",
)

# SQL that SQLite takes, too: || joins texts, "a" is a name, \ is a backslash
SESSION_MODE = "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES"
# a transaction that leadq left open is an error soon, and not a test that hangs
SESSION_START = "SET lock_wait_timeout = 10, innodb_lock_wait_timeout = 10, max_recursive_iterations = 10000"


def is_installed() -> bool:
    """Whether a server can be started here."""
    return None not in (_program("mariadbd"), _program("mariadb-install-db"))


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")


class MariaDbServer:
    """A server that runs from `with` to the end of the block.

    Args:
        durable: on the disk and as safe as a server is by default, for a benchmark.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.port = free_port()
        self._durable = durable
        self._databases = 0

    def __enter__(self) -> MariaDbServer:
        memory = Path("/dev/shm")
        in_memory = not self._durable and os.access(memory, os.W_OK)
        self._folder = Path(tempfile.mkdtemp(prefix="leadq-", dir=memory if in_memory else None))
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "sh", str(self._folder)],
            stdin=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        try:
            self._install()
            self.start()
            self.execute(f"CREATE USER {ACCOUNT} IDENTIFIED BY '{PASSWORD}'")
            self.execute(rf"GRANT ALL ON `leadq\_%`.* TO {ACCOUNT}")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()
        if hasattr(self, "_process"):
            self._process.wait()

    # --- the process -------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the server, after `kill()` with the same port and data, and waits until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _program("mariadbd") or "mariadbd",
                    *self._common_options(),
                    f"--socket={self._socket}",
                    f"--pid-file={self._folder / 'pid'}",
                    f"--bind-address={HOST}",
                    f"--port={self.port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._tell_keeper(str(self._process.pid))
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"MariaDB does not start:\n{self.log}"
            assert time.monotonic() < until, f"MariaDB does not answer:\n{self.log}"
            time.sleep(0.01)

    def kill(self) -> None:
        """Ends the server as `kill -9` does."""
        self._process.kill()
        self._process.wait()
        self._tell_keeper("")

    def pause(self) -> None:
        """Stops the server: connections stay, and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets the server go on after `pause()`."""
        self._process.send_signal(signal.SIGCONT)

    def restore(self) -> None:
        """Has the server run and take writes, whatever a test has done to it."""
        if self._process.poll() is not None:
            self.start()
        self.resume()
        self.execute("SET GLOBAL read_only = 0")

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def _socket(self) -> str:
        return str(self._folder / "socket")

    def _common_options(self) -> list[str]:
        options = DURABLE_OPTIONS if self._durable else SERVER_OPTIONS
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        own = [f"--datadir={self._folder / 'data'}", f"--tmpdir={self._folder}"]  # a server empties its tmpdir first
        return ["--no-defaults", *as_root, *own, *options]

    def _install(self) -> None:
        done = subprocess.run(
            [
                _program("mariadb-install-db") or "mariadb-install-db",
                *self._common_options(),
                "--auth-root-authentication-method=normal",  # without a password, over the socket
                "--skip-test-db",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, done.stdout

    def _tell_keeper(self, line: str) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{line}\n".encode())

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as tried:
            return tried.connect_ex(self._socket) == 0

    # --- what the tests do as root -----------------------------------------------------------------

    def execute(self, statement: str, *values: object, database: str | None = None) -> list[tuple[Any, ...]]:
        """One statement, committed; its values stand for `?`."""
        with self.connected(database) as connection:
            return _execute(connection, statement, *values)

    def create_database(self) -> str:
        """A fresh database with leadq's tables; its name."""
        self._databases += 1
        name = f"leadq_{self._databases}"
        with self.connected() as connection:
            for statement in (f"CREATE DATABASE {name}", f"USE {name}", *self._schema):
                _execute(connection, statement)
        return name

    @functools.cached_property
    def _schema(self) -> list[str]:
        """The statements that make what `leadq migrate` makes, in a twentieth of the time."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        with closing(open_database(load_settings(self._folder, self.environment(TEMPLATE)).database)) as database:
            migrate(database)
        tables = [name for (name,) in self.execute("SHOW TABLES", database=TEMPLATE)]
        made = [self.execute(f"SHOW CREATE TABLE {name}", database=TEMPLATE)[0][1] for name in tables]
        filled = [f"INSERT INTO {name} SELECT * FROM {TEMPLATE}.{name}" for name in tables]
        return ["SET foreign_key_checks = 0", *made, *filled]

    def drop_database(self, name: str) -> None:
        """Drops a database, whoever is connected to it."""
        self.kill_connections(name)
        self.execute(f"DROP DATABASE IF EXISTS {name}")

    def kill_connections(self, database: str) -> int:
        """Ends every connection of leadq's account to a database, as `KILL` does; how many there were."""
        found = self.execute(
            "SELECT id FROM information_schema.processlist WHERE user = ? AND db = ?", ACCOUNT, database
        )
        for (number,) in found:
            with contextlib.suppress(pymysql.OperationalError):  # it has ended meanwhile
                self.execute(f"KILL {number}")
        return len(found)

    def environment(self, database: str) -> dict[str, str]:
        """The settings with which leadq uses a database."""
        return {
            "DB_CONNECTION": "mariadb",
            "DB_HOST": HOST,
            "DB_PORT": str(self.port),
            "DB_DATABASE": database,
            "DB_USERNAME": ACCOUNT,
            "DB_PASSWORD": PASSWORD,
        }

    def connected(self, database: str | None = None) -> AbstractContextManager[pymysql.Connection[Any]]:
        """A connection as root, which commits by itself, closed at the end of the block."""
        connection = pymysql.connect(
            unix_socket=self._socket,
            user="root",
            database=database,
            charset="utf8mb4",
            sql_mode=SESSION_MODE,
            init_command=SESSION_START,
            autocommit=True,
            connect_timeout=START_SECONDS,
            read_timeout=START_SECONDS,
            ssl_disabled=True,  # PyMySQL reads every certificate authority first, though a socket has no TLS
            defer_connect=True,
        )
        connection.connect(self._reached())
        return closing(connection)

    def _reached(self) -> socket.socket:
        """A socket to the server: PyMySQL leaves its own one open where nobody answers."""
        reached = socket.socket(socket.AF_UNIX)
        try:
            reached.settimeout(START_SECONDS)
            reached.connect(self._socket)
        except OSError as error:
            reached.close()
            raise pymysql.OperationalError(2003, f"the test server cannot be reached: {error}") from error
        return reached


class MariaDbDatabase:
    """The database of one home on the tests' server."""

    sabotage = "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sabotage'"

    def __init__(self, server: MariaDbServer) -> None:
        self.server = server
        self.name = server.create_database()

    @property
    def environment(self) -> dict[str, str]:
        return self.server.environment(self.name)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.server.execute(statement, *values, database=self.name)

    def snapshot(self, *queries: str) -> list[list[tuple[Any, ...]]]:
        with self.server.connected(self.name) as connection:
            _execute(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
            return [_execute(connection, query) for query in queries]

    def abandon(self, statement: str) -> None:
        with self.server.connected(self.name) as connection:
            connection.begin()
            _execute(connection, statement)

    def columns(self, table: str) -> dict[str, tuple[bool, object]]:
        rows = self.server.execute(
            "SELECT column_name, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            self.name,
            table,
        )
        return {name: (nullable == "NO", default) for name, nullable, default in rows}

    def empty(self) -> None:
        self.server.drop_database(self.name)
        self.server.execute(f"CREATE DATABASE {self.name}")


def _execute(connection: pymysql.Connection[Any], statement: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if values:
            cursor.execute(statement.replace("%", "%%").replace("?", "%s"), values)
        else:
            cursor.execute(statement)
        return list(cursor.fetchall())


def free_port() -> int:
    """A port that the kernel gives to nobody else: below those from which it takes a client's own port.

    Otherwise a client that tries to connect while the server is down takes it now and then, even connects to itself.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind((HOST, port))
            return port
