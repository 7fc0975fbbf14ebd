"""Where an application's leads go."""

from __future__ import annotations

from pathlib import Path

import peewee
import pytest

import leadq
from tests.api.conftest import application_database
from tests.homes import Home

pytestmark = pytest.mark.sqlite_only("about homes")

ANA = {"name": "Ana", "email": "ana@client.example"}


def test_a_home_that_is_named(staffed: Home) -> None:
    leadq.configure(home=staffed.path)
    assert leadq.create_lead(**ANA).id == 1
    assert staffed.count("jobs") == 1


def test_leadq_home_without_configuring(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADQ_HOME", str(staffed.path))
    assert leadq.create_lead(**ANA).user_id == 1


def test_the_nearest_home_above_the_current_folder(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    below = staffed.path / "storage" / "logs"
    monkeypatch.chdir(below)
    assert leadq.create_lead(**ANA).user_id == 1


def test_without_any_home_the_error_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(leadq.HomeNotFound, match=f"{tmp_path} and the folders above it have no .leadq file") as caught:
        leadq.create_lead(**ANA)
    assert caught.value.hint == "Call leadq.configure(home=…), or set LEADQ_HOME."


def test_a_home_that_is_none_is_told_when_it_is_configured(tmp_path: Path) -> None:
    with pytest.raises(leadq.HomeNotFound, match=f"leadq.configure says {tmp_path}, and there is no .leadq file in it"):
        leadq.configure(home=tmp_path)


def test_a_wrong_setting_is_told_when_it_is_configured(staffed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_CONNECTION", "redis")
    with pytest.raises(leadq.ConfigError, match="QUEUE_CONNECTION"):
        leadq.configure(home=staffed.path)


def test_what_was_configured_stays_where_a_second_one_is_wrong(staffed: Home, tmp_path: Path) -> None:
    leadq.configure(home=staffed.path)
    with pytest.raises(leadq.HomeNotFound):
        leadq.configure(home=tmp_path)
    assert leadq.create_lead(**ANA).id == 1


def test_a_database_without_a_home_has_its_settings_from_the_environment(
    app_db: peewee.Database, staffed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DB_QUEUE", "crm")
    leadq.configure(database=app_db)
    leadq.create_lead(**ANA)
    assert staffed.sql("SELECT queue FROM jobs") == [("crm",)]


def test_sync_without_a_home_is_told_when_it_is_configured(
    app_db: peewee.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUEUE_CONNECTION", "sync")
    with pytest.raises(leadq.ConfigError, match="needs a home"):
        leadq.configure(database=app_db)


def test_a_proxy_is_followed_and_an_empty_one_told(staffed: Home) -> None:
    proxy = peewee.DatabaseProxy()
    leadq.configure(home=staffed.path, database=proxy)
    with pytest.raises(leadq.ConfigError, match="a proxy that was not initialized yet"):
        leadq.create_lead(**ANA)
    proxy.initialize(application_database(staffed))
    assert leadq.create_lead(**ANA).id == 1


def test_a_database_without_leadqs_tables_says_what_to_type(tmp_path: Path) -> None:
    leadq.configure(database=peewee.SqliteDatabase(tmp_path / "app.db"))
    with pytest.raises(leadq.SchemaMismatch, match="no tables of leadq") as caught:
        leadq.create_lead(**ANA)
    assert caught.value.hint == "Run: leadq migrate"


def test_a_database_of_another_kind_is_told(staffed: Home) -> None:
    leadq.configure(home=staffed.path, database=peewee.PostgresqlDatabase("app"))
    with pytest.raises(leadq.ConfigError, match="PostgresqlDatabase is not supported"):
        leadq.create_lead(**ANA)


def test_a_home_whose_database_is_gone_is_a_store_error(staffed: Home) -> None:
    leadq.configure(home=staffed.path)
    staffed.settings.database.path.unlink()  # type: ignore[union-attr]
    with pytest.raises(leadq.StoreUnavailable, match="there is no database at"):
        leadq.create_lead(**ANA)
