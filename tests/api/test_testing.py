"""leadq.testing, as the tests of an application use it."""

from __future__ import annotations

import threading
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import peewee
import pytest

import leadq
import leadq.testing
from leadq import embedding
from leadq.jobs.send_lead_created_email import SendLeadCreatedEmail
from tests.api import own_jobs
from tests.homes import Home
from tests.process.signs import notes

ANA: dict[str, Any] = {"name": "Ana", "email": "ana@client.example"}


class NoHome:
    """Where own_jobs notes."""

    def __init__(self, path: Path) -> None:
        self.path = path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is no home."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(folder: Path) -> list[str]:
    return notes(NoHome(folder))  # type: ignore[arg-type]


# --- fake() ------------------------------------------------------------------------------------------


def test_inside_fake_nothing_is_stored_and_everything_captured(folder: Path) -> None:
    with leadq.testing.fake() as fake:
        lead = leadq.create_lead(**ANA, user="sales@example.com", queue="high", delay=60, priority=-5)
        uuid = leadq.dispatch(own_jobs.Greet(lead_id=lead.id, words=["a"]))
    assert (lead.id, lead.name, lead.user_id) == (1, "Ana", None)
    assert [(one.lead, one.user) for one in fake.leads] == [(lead, "sales@example.com")]
    assert fake.dispatched(own_jobs.Greet) == [own_jobs.Greet(lead_id=1, words=["a"])]
    assert fake.dispatched(SendLeadCreatedEmail) == [SendLeadCreatedEmail(lead_id=1)]
    assert not fake.dispatched(own_jobs.Doomed)
    mail, welcome = fake.jobs
    assert (mail.queue, mail.delay, mail.priority) == ("high", 60, -5)
    assert (welcome.uuid, welcome.queue, welcome.delay, welcome.priority) == (uuid, "default", 0, 0)
    assert list(folder.iterdir()) == []


def test_fake_knows_the_users_that_were_created_in_it(folder: Path) -> None:
    with leadq.testing.fake() as fake:
        user = leadq.create_user(name="Bo", email="bo@example.com")
        assert leadq.create_lead(**ANA, user="BO@example.com").user_id == user.id == 1
        assert leadq.create_lead(**ANA, user=7).user_id == 7
        assert leadq.create_lead(**ANA).user_id == 1
    assert fake.users == [user]


def test_fake_refuses_what_could_not_be_stored(folder: Path) -> None:
    with leadq.testing.fake() as fake:
        for wrong in ({"email": "nobody"}, {"name": ""}, {"priority": 2**40}):
            with pytest.raises(leadq.InvalidInput):
                leadq.create_lead(**{**ANA, **wrong})
        with pytest.raises(leadq.InvalidInput):
            leadq.dispatch(own_jobs.Doomed(text=b"bytes"))  # type: ignore[arg-type]
        with pytest.raises(leadq.InvalidInput):
            leadq.create_user(name="", email="bo@example.com")
    assert fake.leads == fake.jobs == fake.users == []


def test_fake_holds_in_every_thread(folder: Path) -> None:
    with leadq.testing.fake() as fake:
        thread = threading.Thread(target=lambda: leadq.create_lead(**ANA))
        thread.start()
        thread.join()
    assert len(fake.leads) == 1


def test_after_fake_all_is_as_before(placed: Home) -> None:
    leadq.configure(home=placed.path)
    with pytest.raises(ZeroDivisionError), leadq.testing.fake():
        raise ZeroDivisionError
    leadq.create_lead(**ANA)
    assert placed.count("leads") == 1


def test_inside_fake_there_is_nothing_to_drain() -> None:
    with leadq.testing.fake(), pytest.raises(leadq.LeadqError, match="nothing is queued"):
        leadq.testing.drain()


# --- drain() and outbox ------------------------------------------------------------------------------


def test_a_mail_is_composed_for_real(folder: Path) -> None:
    settings = {"APP_NAME": "CRM", "LEAD_URL": "https://crm.example.com/{id}", "MAIL_FROM_ADDRESS": "crm@example.com"}
    with leadq.testing.temporary_home(folder, **settings):
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        leadq.create_lead(name="Bo Bérg", email="bo@client.example", message="Call me.")
        (drained,) = leadq.testing.drain()
    assert (drained.job, drained.queue, drained.attempt, drained.status, drained.error) == (
        "SendLeadCreatedEmail",
        "default",
        1,
        "done",
        None,
    )
    (mail,) = leadq.testing.outbox
    assert (mail.subject, mail.to, mail.recipient) == (
        "New lead: Bo Bérg",
        "Ana Sales <sales@example.com>",
        "sales@example.com",
    )
    assert "Call me." in mail.text
    assert "https://crm.example.com/1" in mail.html
    received = message_from_bytes(mail.wire, policy=policy.default)
    assert (received["Subject"], received["From"]) == ("New lead: Bo Bérg", "CRM <crm@example.com>")
    assert received["Message-ID"] == mail.message_id
    assert not list(folder.glob("storage/mail/*"))


def test_the_delivery_is_recorded_as_sent(folder: Path) -> None:
    with leadq.testing.temporary_home(folder) as path:
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        leadq.create_lead(**ANA)
        leadq.testing.drain()
        home = Home(path)
        assert home.sql("SELECT status, reply FROM deliveries") == [("sent", "250 kept in leadq.testing.outbox")]
        assert [home.count(table) for table in ("jobs", "failed_jobs", "workers")] == [0, 0, 0]


def test_jobs_that_jobs_dispatch_run_too_and_delayed_ones_only_when_asked(folder: Path) -> None:
    with leadq.testing.temporary_home(folder):
        lead = leadq.create_lead(**ANA)
        leadq.dispatch(own_jobs.Greet(lead_id=lead.id, words=["tomorrow"]), delay=86400, queue="slow")
        leadq.dispatch(own_jobs.Chain(lead_id=lead.id))
        assert [one.job for one in leadq.testing.drain()] == ["Chain", "Greet"]
        assert leadq.testing.drain() == []
        assert [one.queue for one in leadq.testing.drain(delayed=True)] == ["slow"]
    assert [line.split("]")[0] for line in noted(folder)] == ["Ana ['from a job'", "Ana ['tomorrow'"]


def test_a_job_that_fails_is_raised_once_all_have_run(folder: Path) -> None:
    with leadq.testing.temporary_home(folder):
        lead = leadq.create_lead(**ANA)
        leadq.dispatch(own_jobs.Waiting())
        leadq.dispatch(own_jobs.Greet(lead_id=lead.id))
        with pytest.raises(leadq.testing.JobsFailed) as caught:
            leadq.testing.drain()
        assert str(caught.value) == "Waiting, attempt 1, released: ValueError('later')"
        assert isinstance(caught.value.__cause__, ValueError)
        assert [one.status for one in caught.value.drained] == ["released", "done"]
        assert leadq.testing.drain() == []
        (again,) = leadq.testing.drain(delayed=True)
    assert (again.attempt, again.status) == (2, "done")
    assert noted(folder)[-1] == "at last"


def test_without_the_check_the_ends_are_returned_and_failed_is_called_once(folder: Path) -> None:
    with leadq.testing.temporary_home(folder) as path:
        leadq.dispatch(own_jobs.Doomed(text="a"))
        drained = leadq.testing.drain(check=False)
        assert Home(path).count("failed_jobs") == 1
    assert [(one.attempt, one.status, repr(one.error)) for one in drained] == [
        (1, "released", "ValueError('no')"),
        (2, "released", "ValueError('no')"),
        (3, "failed", "ValueError('no')"),
    ]
    assert noted(folder)[-1] == "a, failed: ValueError('no') at attempt 3"


def test_a_row_that_names_no_job_is_told(folder: Path) -> None:
    with leadq.testing.temporary_home(folder) as path:
        Home(path).insert_job({"job": "Nobody"})
        with pytest.raises(leadq.testing.JobsFailed, match="no job is registered as 'Nobody'"):
            leadq.testing.drain()


def test_mails_that_are_held_or_paced_elsewhere_are_not_here(folder: Path) -> None:
    with leadq.testing.temporary_home(folder, MAIL_RATE="1/m", MAIL_OUTAGE="hold"):
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        for _ in range(3):
            leadq.create_lead(**ANA)
        leadq.testing.drain()
    assert len(leadq.testing.outbox) == 3


def test_drain_runs_in_any_thread(folder: Path) -> None:
    with leadq.testing.temporary_home(folder):
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        leadq.create_lead(**ANA)
        thread = threading.Thread(target=leadq.testing.drain)
        thread.start()
        thread.join()
    assert len(leadq.testing.outbox) == 1


# --- homes and databases -----------------------------------------------------------------------------


def test_the_environment_has_no_say_in_a_temporary_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("DB_CONNECTION", "mysql"), ("DB_QUEUE", "live"), ("LEADQ_HOME", "/nowhere")):
        monkeypatch.setenv(key, value)
    with leadq.testing.temporary_home(folder) as path:
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        leadq.create_lead(**ANA)
        assert Home(path).sql("SELECT queue FROM jobs") == [("default",)]


def test_a_wrong_setting_is_told(folder: Path) -> None:
    with pytest.raises(leadq.ConfigError, match="MAIL_MAILER"), leadq.testing.temporary_home(folder, MAIL_MAILER="fax"):
        pass
    assert embedding._current is None


def test_an_applications_own_database_is_drained(app_db: peewee.Database, staffed: Home, folder: Path) -> None:
    with leadq.testing.tables_in(app_db):  # they are there already
        with app_db.atomic():
            leadq.create_lead(**ANA)
        assert [one.status for one in leadq.testing.drain()] == ["done"]
    assert app_db.is_closed()
    assert [mail.to for mail in leadq.testing.outbox] == ["Ana Sales <ana@example.com>"]
    assert staffed.count("jobs") == 0


def test_each_test_in_a_transaction_that_is_rolled_back(app_db: peewee.Database, staffed: Home, folder: Path) -> None:
    for _ in range(2):
        with leadq.testing.tables_in(app_db), app_db.atomic() as transaction:
            assert leadq.create_lead(**ANA).user_id == 1
            leadq.testing.drain()
            assert len(leadq.testing.outbox) == 1
            transaction.rollback()
    assert [staffed.count(table) for table in ("leads", "jobs", "workers")] == [0, 0, 0]


@pytest.mark.sqlite_only("a database in memory is SQLite's")
def test_a_database_in_memory(folder: Path) -> None:
    database = peewee.SqliteDatabase(":memory:")
    with leadq.testing.tables_in(database):
        leadq.create_user(name="Ana Sales", email="sales@example.com")
        leadq.create_lead(**ANA)
        leadq.testing.drain()
    assert len(leadq.testing.outbox) == 1


@pytest.mark.mariadb_only("SQLite's lock is a transaction's")
def test_the_lock_of_the_migration_is_given_back(staffed: Home, app_db: peewee.Database, folder: Path) -> None:
    with leadq.testing.tables_in(app_db):
        assert staffed.sql("SELECT IS_FREE_LOCK('leadq.migrate')") == [(1,)]


@pytest.mark.parametrize("name", ["users", "leads"])
def test_a_table_of_the_applications_own_of_the_same_name_is_told(folder: Path, name: str) -> None:
    database = peewee.SqliteDatabase(":memory:")
    with database.connection_context():
        database.execute_sql(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT)")
        with pytest.raises(leadq.SchemaMismatch, match=f"a table {name} of another program: it lacks ") as caught:
            leadq.testing.tables_in(database).__enter__()
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Rename that table")


def test_the_applications_own_migrations_are_not_touched(folder: Path) -> None:
    from playhouse.migrations import Runner

    (folder / "migrations").mkdir()
    (folder / "migrations" / "0001_initial.py").write_text("def up(migrator, db):\n    pass\n", encoding="utf-8")
    database = peewee.SqliteDatabase(":memory:")
    with database.connection_context():
        with leadq.testing.tables_in(database):
            assert Runner(database, str(folder / "migrations")).up() == ["0001_initial"]
        with leadq.testing.tables_in(database):
            assert leadq.create_lead(**ANA).id == 1
