"""An application's own database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from peewee import Database, MySQLDatabase, Proxy

from leadq.errors import ConfigError, SchemaMismatch
from leadq.store.dialect import dialect_of, require_known
from leadq.store.store import Store
from leadq.store.trouble import explained_errors

CHARSET = "utf8mb4"


def resolved(database: Database) -> Database:
    """What a DatabaseProxy stands for; any other database itself.

    Raises:
        ConfigError: the proxy stands for nothing yet, or the database is of a kind that leadq does not know.
    """
    behind: Database | None = database.obj if isinstance(database, Proxy) else database
    if behind is None:
        raise ConfigError("the database given to leadq.configure is a proxy that was not initialized yet")
    require_known(behind)
    return behind


@contextmanager
def connected(database: Database) -> Iterator[None]:
    """Inside, this thread has a connection: one that is open stays so, and one that is opened here is closed.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    with explained_errors():
        is_ours = database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if is_ours:
            while database.transaction_depth():  # an interruption has struck where a transaction begins or ends
                database.pop_transaction()
            database.close()


def store_in(database: Database) -> Store:
    """The store in an application's database, whose transaction may be open.

    Where that is newer than this program, since another host has been upgraded first, the application goes on all the
    same: refusing its leads would lose them.

    Raises:
        SchemaMismatch: its tables are missing or older.
        ConfigError: its connections carry a part of Unicode alone.
        StoreUnavailable: another program keeps it locked.
    """
    write_lock = dialect_of(database).before_savepoint
    if write_lock and database.transaction_depth():  # the look at the schema would be one: see before_savepoint
        with suppress(SchemaMismatch), explained_errors():
            database.execute_sql(write_lock)
    _require_all_letters(database)
    return Store(database, or_newer=True)


def _require_all_letters(database: Database) -> None:
    """Returns where any text gets to the server as it is. Without MySQL's strict mode one with an emoji is cut there.

    Raises:
        ConfigError: the connection carries a part of Unicode alone.
    """
    if not isinstance(database, MySQLDatabase):
        return
    with explained_errors():
        ((charset,),) = database.execute_sql("SELECT @@character_set_client").fetchall()
    if charset != CHARSET:
        raise ConfigError(
            f"the database given to leadq.configure connects with the character set {charset}: expected {CHARSET}",
            hint=f"Give it charset={CHARSET!r}, Peewee's default.",
        )
