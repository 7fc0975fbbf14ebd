"""Notifications waiting in a home, and what the baseline sends instead of them."""

from __future__ import annotations

import json
from pathlib import Path

from leadq.leads import NewLead, Routing, create_lead
from leadq.store.store import Store
from tests.benchmarks.bench import Bench
from tests.benchmarks.late_sink import HOST
from tests.homes import Home

NAME = "Ana Lima"
LETTER = "letter.json"
ROUTING = Routing(default_queue="default")


def mailing_home(bench: Bench, port: int, *, own_jobs: bool = True) -> Home:
    """A home with a user, whose mail goes to `port`."""
    home = bench.home(own_jobs=own_jobs)
    home.environment |= {
        "MAIL_MAILER": "smtp",
        "MAIL_HOST": HOST,
        "MAIL_PORT": str(port),
        "MAIL_FROM_ADDRESS": "leads@acme.example",
    }
    home.leadq("user", "create", "--name", "Sam Sales", "--email", "sam@acme.example")
    return home


def write_letter(home: Home) -> None:
    """Writes what the mail about a first lead says, for the baseline to send; that lead's own job is dropped."""
    with home.store() as store:
        lead = create_lead(store, new_lead(), routing=ROUTING).lead
    letter = home.json("lead", "preview", lead.id)
    (home.path / LETTER).write_text(json.dumps(letter), encoding="utf-8")
    home.leadq("clear")


def add_mails(home: Home, count: int) -> None:
    """Stores leads with their notifications, which note when they were accepted."""

    def create_all(store: Store) -> None:
        for _ in range(count):
            create_lead(store, new_lead(), routing=ROUTING)

    with home.store() as store:
        store.transact(lambda: create_all(store))
    home.sql("UPDATE jobs SET payload = REPLACE(payload, 'SendLeadCreatedEmail', 'TimedMail')")


def new_lead() -> NewLead:
    return NewLead(
        name=NAME,
        email="ana@example.com",
        phone="+351 21 000 00 00",
        company="Lima & Filhos",
        source="website",
        message="We need forty seats by March. Please call me in the morning.",
    )


def letter(home: Path) -> dict[str, str]:
    """What `write_letter` has written: subject, from, to, text, html."""
    read: dict[str, str] = json.loads((home / LETTER).read_text(encoding="utf-8"))
    return read


def assert_all_sent(home: Home) -> None:
    """Every job has ended, and every delivery is recorded as sent."""
    unsent = home.sql("SELECT status, COUNT(*) FROM deliveries WHERE status NOT IN ('sent', 'dropped') GROUP BY status")
    assert unsent == [], unsent
    assert home.count("jobs") == 0, "jobs are left"
