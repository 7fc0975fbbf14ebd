"""An application whose database has been brought to the tables of a newer version, for workers elsewhere."""

from __future__ import annotations

import logging

import peewee
import pytest

import leadq
from leadq.errors import StoreContended
from leadq.store.schema import LATEST
from tests.api.conftest import application_database
from tests.homes import Home

NEWER = "9999_from_the_future"


def becomes_newer(home: Home) -> None:
    home.sql("ALTER TABLE jobs ADD COLUMN region VARCHAR(64) NOT NULL DEFAULT 'none'")
    home.sql("INSERT INTO leadq_migration (name, applied) VALUES (?, '2030-01-01 00:00:00')", NEWER)


def create_lead() -> leadq.Lead:
    return leadq.create_lead(name="Bo", email="bo@example.com")


@pytest.mark.parametrize("own_database", [False, True])
def test_one_that_runs_goes_on_without_a_word(
    placed: Home, own_database: bool, caplog: pytest.LogCaptureFixture
) -> None:
    leadq.configure(home=placed.path, database=application_database(placed) if own_database else None)
    create_lead()
    becomes_newer(placed)
    create_lead()
    assert placed.sql("SELECT region FROM jobs") == [("none",)] * 2
    assert "newer" not in caplog.text


@pytest.mark.parametrize("own_database", [False, True])
def test_one_that_starts_goes_on_too_and_warns_once(
    placed: Home, own_database: bool, caplog: pytest.LogCaptureFixture
) -> None:
    becomes_newer(placed)
    leadq.configure(home=placed.path, database=application_database(placed) if own_database else None)
    create_lead()
    create_lead()
    assert placed.count("jobs") == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"The database is newer than this program (it is at {NEWER}, expected {LATEST})"]


def test_inside_the_applications_transaction(placed: Home, app_db: peewee.Database) -> None:
    becomes_newer(placed)
    leadq.configure(home=placed.path, database=app_db)
    with app_db.atomic():
        app_db.execute_sql("INSERT INTO orders VALUES ('first')")
        create_lead()
    assert [placed.count(table) for table in ("orders", "leads", "jobs")] == [1, 1, 1]


def test_its_jobs_run_at_once_with_sync(placed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes_newer(placed)
    monkeypatch.setenv("QUEUE_CONNECTION", "sync")
    leadq.configure(home=placed.path)
    create_lead()
    assert placed.sql("SELECT status FROM deliveries") == [("sent",)]


@pytest.mark.mariadb_only("on SQLite such a transaction keeps the migration waiting, or sees nothing of it")
def test_a_transaction_that_the_migration_has_overtaken_is_to_be_begun_anew(
    placed: Home, app_db: peewee.Database
) -> None:
    leadq.configure(home=placed.path, database=app_db)
    create_lead()
    with app_db.atomic() as transaction:
        app_db.execute_sql("SELECT * FROM orders").fetchall()
        placed.sql("ALTER TABLE users FORCE")  # makes it anew
        with pytest.raises(StoreContended, match="a table has been changed since the transaction began"):
            create_lead()
        transaction.rollback()
    with app_db.atomic():
        create_lead()
    assert [placed.count(table) for table in ("leads", "jobs")] == [2, 2]
