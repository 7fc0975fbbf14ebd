"""An application's own database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import Database, MySQLDatabase, Proxy

from leadq.errors import ConfigError
from leadq.store.trouble import explained_errors

CHARSET = "utf8mb4"


def resolved(database: Database) -> Database:
    """What a DatabaseProxy stands for; any other database itself.

    Raises:
        ConfigError: the proxy stands for nothing yet.
    """
    if not isinstance(database, Proxy):
        return database
    behind: Database | None = database.obj
    if behind is None:
        raise ConfigError("the database given to leadq.configure is a proxy that was not initialized yet")
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
            database.close()


def require_all_letters(database: Database) -> None:
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
