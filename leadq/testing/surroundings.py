"""A home, or leadq's tables in an application's database, for as long as a test lasts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leadq import embedding
from leadq.config import load_settings
from leadq.home import make_home
from leadq.testing.outbox import outbox

if TYPE_CHECKING:
    from peewee import Database


@contextmanager
def temporary_home(folder: str | os.PathLike[str], **settings: str) -> Iterator[Path]:
    """Makes a home with an SQLite database, and has leadq use it inside. Whoever gave the folder removes it.

    Args:
        folder: where; pytest's `tmp_path`, for one.
        settings: such as `LEAD_URL`. Nothing else is set: the environment of the tests' has no say.

    Raises:
        ConfigError: a setting is wrong.
    """
    from leadq.store.dialect import open_database
    from leadq.store.embedded import connected
    from leadq.store.schema import migrate

    home = make_home(Path(folder).absolute())
    database = open_database(load_settings(home, settings).database, create=True)
    with connected(database):
        migrate(database)
    with _configured(embedding.Embedding(home=home, environment=settings)):
        yield home


@contextmanager
def tables_in(database: Database, **settings: str) -> Iterator[None]:
    """Makes leadq's tables in an application's database, where they are missing, and has leadq use it inside.

    The tables stay. The database is connected meanwhile.

    Args:
        database: the application's, as for leadq.configure; an SQLite database in memory will do.
        settings: see temporary_home.

    Raises:
        SchemaMismatch: the application has tables of the same names.
        ConfigError: a setting is wrong, or the database of a kind that leadq does not know.
    """
    from leadq.store.embedded import connected, resolved
    from leadq.store.schema import migrate

    database = resolved(database)
    with connected(database):
        migrate(database)
        with _configured(embedding.Embedding(home=embedding.NOWHERE, database=database, environment=settings)):
            yield


@contextmanager
def _configured(target: embedding.Embedding) -> Iterator[None]:
    _ = target.settings
    outbox.clear()
    before = embedding.redirect(target)
    try:
        yield
    finally:
        embedding.redirect(before)
