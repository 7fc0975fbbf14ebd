"""An application that embeds leadq: its own Peewee database over a home's, and nothing configured."""

from __future__ import annotations

from collections.abc import Iterator

import peewee
import pytest

from leadq import embedding
from leadq import job as jobs
from leadq.testing import outbox
from tests.conftest import on_every_database
from tests.homes import Home


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_every_database(metafunc)


@pytest.fixture(autouse=True)
def _unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a fresh process."""
    monkeypatch.setattr(embedding, "_current", None)
    monkeypatch.setattr(embedding, "_fallback_home", None)
    monkeypatch.setattr(jobs, "_REGISTRY", dict(jobs._REGISTRY))
    yield
    outbox.clear()


def application_database(home: Home, **parameters: object) -> peewee.Database:
    """The home's database, opened as an application does by itself: Peewee's defaults, and one table of its own."""
    settings = home.settings.database
    if settings.path is not None:
        return peewee.SqliteDatabase(settings.path, **parameters)
    return peewee.MySQLDatabase(
        settings.name,
        host=settings.host,
        port=settings.port,
        unix_socket=settings.socket,
        user=settings.username,
        password=settings.password and settings.password.reveal(),
        **parameters,
    )


@pytest.fixture
def app_db(staffed: Home) -> Iterator[peewee.Database]:
    """The application's database, with a table `orders`, in a home with one user."""
    database = application_database(staffed)
    database.execute_sql("CREATE TABLE orders (note VARCHAR(50))")
    database.close()
    yield database
    database.close()


@pytest.fixture
def placed(staffed: Home) -> Iterator[Home]:
    """A home with one user, whose environment the application has, too."""
    with staffed.entered():
        yield staffed
