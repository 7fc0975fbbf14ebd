"""What differs between databases, each with its reason. Queries elsewhere name no database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from peewee import Database, MySQLDatabase, SqliteDatabase

from leadq.config import DatabaseSettings
from leadq.errors import ConfigError
from leadq.store.mysql import MysqlServer, require_supported, skips_locked_rows
from leadq.store.sqlite import sqlite_file
from leadq.store.trouble import explained_errors

DDL_SECONDS = 50  # how long a migration waits for another one; a server's reply is waited for longer
TABLE_SECONDS = 2  # … and one statement of it for a table, while all others wait behind it


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One database's peculiarities.

    Attributes:
        begin: how a transaction that will write begins. SQLite's plain BEGIN reads first and then fails to
            upgrade, at once and whatever the busy timeout, when another connection has written meanwhile:
            https://www.sqlite.org/lang_transaction.html
        row_lock: what a SELECT ends with whose rows nobody else may change until the transaction ends. SQLite
            has none and needs none: whoever writes there has the whole file.
        free_row_lock: the same for rows that nobody has locked; others are passed over, so that workers do not
            queue up for one row: https://mariadb.com/docs/server/reference/sql-statements/data-manipulation/selecting-data/select#skip-locked
        change_counter: a query for a number that changes when another connection has committed; None where
            there is none. SQLite's costs 4 µs: https://www.sqlite.org/pragma.html#pragma_data_version
        glance_seconds: how often an idle worker asks for that number, or, without one, whether a job is due:
            a server is asked nearly four times a second, and less than five with all else, so that fifty idle workers
            are no load.
        clock: a query for the time in UTC seconds, where the database has a clock of its own: leases are
            reckoned by one clock, and hosts disagree. None where it runs on this host's.
        uptime: a query for a name and for how many seconds the server has been up: nobody could say that they
            live before. None without a server.
        insert_id_is_first: what a driver calls the id of an INSERT of many rows: MySQL the first one's, SQLite the last
            one's.
        id_step: a query for how far apart the ids of one INSERT of many rows are; None where it is always 1. A MySQL
            server gives the rows of one INSERT … VALUES ids in a row, in every innodb_autoinc_lock_mode
            (https://dev.mysql.com/doc/refman/8.0/en/innodb-auto-increment-handling.html), each by this much above
            the one before: more than 1 in a cluster, where it changes with the number of servers.
        before_ddl: a query that keeps two migrations apart; it has an answer other than 0 or NULL, or the other
            one has taken too long. MySQL commits before each statement that changes a table
            (https://dev.mysql.com/doc/refman/8.0/en/implicit-commit.html), so it needs a lock by name, which
            holds until it is given back. On SQLite a transaction does it, and only has to wait long enough.
        after_ddl: a query that gives it back; None for none. An application's connection goes on living.
        short_ddl_wait: has a statement that changes a table wait but briefly for transactions that use it: whoever
            comes after it waits behind it, even to read. None where nobody does.
        before_savepoint: a statement with which a part of the application's own transaction begins; None for none. The
            application may have begun as SQLite does by itself: then the first write must come before the first look,
            since it waits for another program's, and after a look it fails at once. See `begin`.
        short_wait: has the connection's later statements wait a second at most for another one's lock.
        write_test: statements that fail where leadq could not write. SQLite is asked for fresh pages, which stay in its
            memory until the rollback. On MySQL they find no row: rights, and whether the server takes changes, are
            looked at before that, and neither a row lock nor an AUTO_INCREMENT number is taken.
    """

    begin: tuple[str, ...]
    row_lock: str | None
    free_row_lock: str | None
    change_counter: str | None
    glance_seconds: float
    clock: str | None
    uptime: str | None
    insert_id_is_first: bool
    id_step: str | None
    before_ddl: str
    after_ddl: str | None
    short_ddl_wait: str | None
    before_savepoint: str | None
    short_wait: str
    write_test: tuple[str, ...]


SQLITE = Dialect(
    begin=("IMMEDIATE",),
    row_lock=None,
    free_row_lock=None,
    change_counter="PRAGMA data_version",
    glance_seconds=0.04,
    clock=None,
    uptime=None,
    insert_id_is_first=False,
    id_step=None,
    before_ddl=f"PRAGMA busy_timeout = {DDL_SECONDS * 1000}",
    after_ddl=None,
    short_ddl_wait=None,
    before_savepoint="UPDATE jobs SET id = id WHERE 0",  # takes the write lock and touches nothing
    short_wait="PRAGMA busy_timeout = 1000",
    write_test=(
        "CREATE TABLE leadq_write_test (room)",
        "INSERT INTO leadq_write_test VALUES (zeroblob(65536))",
    ),
)

MYSQL = Dialect(
    begin=(),
    row_lock="FOR UPDATE",
    free_row_lock="FOR UPDATE SKIP LOCKED",
    change_counter=None,
    glance_seconds=0.27,
    # UNIX_TIMESTAMP(NOW(6)) goes by the session's time zone, and an application's own may have an hour twice a year
    clock="SELECT UNIX_TIMESTAMP() + MICROSECOND(NOW(6)) / 1000000",
    uptime="SHOW GLOBAL STATUS LIKE 'Uptime'",
    insert_id_is_first=True,
    id_step="SELECT @@auto_increment_increment",
    before_ddl=f"SELECT GET_LOCK('leadq.migrate', {DDL_SECONDS})",
    after_ddl="SELECT RELEASE_LOCK('leadq.migrate')",
    short_ddl_wait=f"SET SESSION lock_wait_timeout = {TABLE_SECONDS}",
    before_savepoint=None,
    short_wait="SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1",
    write_test=(
        "INSERT INTO jobs (queue, payload, available_at, created_at)"
        " SELECT queue, payload, available_at, created_at FROM jobs WHERE id = 0",
        "UPDATE jobs SET attempts = 0 WHERE id = 0",
        "DELETE FROM jobs WHERE id = 0",
    ),
)

# before MySQL 8.0.1 and MariaDB 10.6: a claim waits for another one's end, a few milliseconds, and is as right
MYSQL_WITHOUT_SKIP_LOCKED = replace(MYSQL, free_row_lock="FOR UPDATE")


def dialect_of(database: Database) -> Dialect:
    """The dialect of a Peewee database, the application's own included. Asks a MySQL server for its version.

    Raises:
        ConfigError: a database that leadq does not know.
        StoreError: the server cannot be reached, or is too old.
    """
    if isinstance(database, SqliteDatabase):
        return SQLITE
    if isinstance(database, MySQLDatabase):
        with explained_errors():
            ((version,),) = database.execute_sql("SELECT VERSION()").fetchall()
        require_supported(version)
        return MYSQL if skips_locked_rows(version) else MYSQL_WITHOUT_SKIP_LOCKED
    raise _unknown(database)


def require_known(database: Database) -> None:
    """Returns where leadq knows this kind of database. Raises ConfigError."""
    if not isinstance(database, SqliteDatabase | MySQLDatabase):
        raise _unknown(database)


def open_database(settings: DatabaseSettings, *, create: bool = False) -> Database:
    """A Peewee database for these settings; it connects on first use.

    Args:
        settings: where it is.
        create: whether a missing SQLite file is made. Otherwise its absence is an error: a worker in the
            wrong place must not idle over an empty database of its own making.

    Raises:
        StoreUnavailable: the SQLite file or its folder is not there.
        ConfigError: the driver for MySQL is not installed.
    """
    return MysqlServer(settings) if settings.path is None else sqlite_file(settings.path, create=create)


def _unknown(database: Database) -> ConfigError:
    name = type(database).__name__
    return ConfigError(f"{name} is not supported: expected a Peewee SqliteDatabase or MySQLDatabase")
