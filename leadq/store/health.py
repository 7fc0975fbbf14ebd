"""The health of a database: what can be asked whatever state its tables are in. Nothing that is done here stays."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from peewee import Database

from leadq.config import DatabaseSettings
from leadq.store.dialect import dialect_of
from leadq.store.mysql import MysqlServer, skips_locked_rows
from leadq.store.schema import require_current_schema
from leadq.store.sqlite import PRAGMAS, sqlite_file
from leadq.store.store import Store
from leadq.store.tables import COLUMNS
from leadq.store.trouble import explained_errors

# a journal mode stays in the file, and to switch it is not for one who only looks
LOOKING_PRAGMAS = {name: value for name, value in PRAGMAS.items() if name != "journal_mode"}
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


@dataclass(frozen=True, kw_only=True)
class Trait:
    """One thing about a database. `remedy` is what to do about it; None where it is as it should be."""

    words: str
    remedy: str | None = None


class DatabaseHealth:
    """One database that is looked at. It connects on first use.

    Every method raises StoreError where the database refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> str:
        """What it is, in words; asks it, so it is there.

        Raises:
            StoreError: it is too old, too.
        """
        raise NotImplementedError

    def locking(self) -> list[Trait]:
        """How programs that use it at once keep out of each other's way, and how durable a commit is."""
        raise NotImplementedError

    def tables(self) -> list[Trait]:
        """What is wrong with the tables; those that leadq lacks first."""
        with explained_errors():
            missing = sorted(set(COLUMNS) - set(self._database.get_tables()))
        if not missing:
            return []
        return [Trait(words=f"there is no table {', '.join(missing)}", remedy="Restore the database from a backup.")]

    def clock_ahead(self) -> float | None:
        """Seconds by which its clock is ahead of this host's; None where it has none of its own."""
        dialect = dialect_of(self._database)
        if dialect.clock is None:
            return None
        with explained_errors():
            before = time.time()
            ((there,),) = self._database.execute_sql(dialect.clock).fetchall()
            return float(there) - (before + time.time()) / 2

    def require_current_schema(self) -> None:
        """Returns where the tables fit this program. Raises SchemaMismatch."""
        require_current_schema(self._database)

    def try_writing(self) -> None:
        """Writes and takes it back, waiting a second at most for another program. Returns where that works.

        Raises:
            StoreUnavailable: it is locked, full or takes no changes.
            SchemaMismatch: it lacks a table.
        """
        dialect = dialect_of(self._database)
        with explained_errors():
            self._database.execute_sql(dialect.short_wait)
            with contextlib.suppress(_TakenBackError), self._database.atomic(*dialect.begin):
                for statement in dialect.write_test:
                    self._database.execute_sql(statement)
                raise _TakenBackError

    def store(self) -> Store:
        """The store, over the same connection. Raises SchemaMismatch."""
        return Store(self._database)

    def close(self) -> None:
        """Closes the connection of this thread."""
        if not self._database.is_closed():
            self._database.close()


def open_health(settings: DatabaseSettings, *, reply_seconds: int) -> DatabaseHealth:
    """The health of the database of `settings`.

    Args:
        settings: where it is.
        reply_seconds: how long one answer of a server is waited for.

    Raises:
        StoreUnavailable: the SQLite file is not there.
        ConfigError: the driver for MySQL is not installed.
    """
    if settings.path is None:
        return _MysqlHealth(MysqlServer(settings, reply_seconds=reply_seconds))
    return _SqliteHealth(sqlite_file(settings.path, create=False, pragmas=LOOKING_PRAGMAS))


class _TakenBackError(Exception):
    """Ends a transaction without a commit."""


class _SqliteHealth(DatabaseHealth):
    def describe(self) -> str:
        with explained_errors():
            ((version, pages, page_size),) = self._database.execute_sql(
                "SELECT sqlite_version(), page_count, page_size FROM pragma_page_count, pragma_page_size"
            ).fetchall()
        return f"SQLite {version}, {pages * page_size / 1e6:,.1f} MB"

    def locking(self) -> list[Trait]:
        mode = str(self._pragma("journal_mode")).upper()
        seconds = int(self._pragma("busy_timeout")) / 1000
        traits = [
            Trait(words=f"synchronous {SYNCHRONOUS[int(self._pragma('synchronous'))]}"),
            Trait(words=f"busy timeout {seconds:g} s"),
        ]
        if mode == "WAL":
            return [Trait(words="WAL"), *traits]
        wrong = Trait(
            words=f"journal mode {mode} instead of WAL: who reads and who writes wait for each other",
            remedy="Run: leadq size, which switches it, as any other command. If it stays so, the file is on a network "
            "file system: move it to a local disk.",
        )
        return [wrong, *traits]

    def _pragma(self, name: str) -> str | int:
        with explained_errors():
            value: str | int = self._database.execute_sql(f"PRAGMA {name}").fetchone()[0]
        return value


class _MysqlHealth(DatabaseHealth):
    def describe(self) -> str:
        version = self._version()
        dialect_of(self._database)
        return version if "mariadb" in version.lower() else f"MySQL {version}"

    def locking(self) -> list[Trait]:
        now = self._variables("transaction_isolation", "tx_isolation", "sql_mode", "innodb_flush_log_at_trx_commit")
        isolation = now.get("transaction_isolation") or now.get("tx_isolation", "unknown")
        return [
            Trait(words="SKIP LOCKED")
            if skips_locked_rows(self._version())
            else Trait(
                words="no SKIP LOCKED: workers wait for one another",
                remedy="MySQL 8.0 or MariaDB 10.6 and newer are best.",
            ),
            self._of_the_session("READ COMMITTED", is_right=isolation == "READ-COMMITTED", found=isolation),
            self._of_the_session("strict mode", is_right="STRICT_TRANS_TABLES" in now["sql_mode"], found="off"),
            Trait(words="every commit flushed")
            if now.get("innodb_flush_log_at_trx_commit", "1") == "1"
            else Trait(
                words="innodb_flush_log_at_trx_commit is not 1: a power cut may lose the last second's leads",
                remedy="On the server: SET GLOBAL innodb_flush_log_at_trx_commit = 1, and in its settings file.",
            ),
        ]

    @staticmethod
    def _of_the_session(name: str, *, is_right: bool, found: str) -> Trait:
        """What each connection asks for at its start."""
        if is_right:
            return Trait(words=name)
        return Trait(
            words=f"{name} was asked for, and is {found}",
            remedy="Is there a proxy before the server? It must keep what SET SESSION says.",
        )

    def tables(self) -> list[Trait]:
        with explained_errors():
            rows = self._database.execute_sql(
                "SELECT table_name, engine, table_collation FROM information_schema.tables"
                " WHERE table_schema = DATABASE() ORDER BY table_name"
            ).fetchall()
        ours = [row for row in rows if row[0] in COLUMNS]
        traits = super().tables()
        for name, engine, _ in ours:
            if engine != "InnoDB":
                remedy = f"ALTER TABLE {name} ENGINE=InnoDB"
                traits.append(Trait(words=f"{name} is {engine}, which has no transactions", remedy=remedy))
        for name, _, collation in ours:
            if not str(collation).startswith("utf8mb4"):
                remedy = f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
                traits.append(Trait(words=f"{name} is {collation}, which lacks letters", remedy=remedy))
        return traits

    def _version(self) -> str:
        with explained_errors():
            return str(self._database.execute_sql("SELECT VERSION()").fetchone()[0])

    def _variables(self, *names: str) -> dict[str, str]:
        """Those of these session variables that the server has."""
        marks = ", ".join(["%s"] * len(names))
        with explained_errors():
            rows = self._database.execute_sql(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({marks})", names)
            return {str(name).lower(): str(value) for name, value in rows.fetchall()}
