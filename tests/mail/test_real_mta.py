"""Mails through a server that people run: Postfix, as strict as it can be set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from leadq.jobs.send_lead_created_email import letter_for
from leadq.leads import FIELD_LIMIT, NewLead, Routing, create_lead
from leadq.mail.mailer import open_mailer
from leadq.text import one_line, storable
from tests.homes import Home, eventually
from tests.mail.test_letter_properties import MESSAGES, TEXTS
from tests.postfix import RECIPIENT_DOMAIN, PostfixServer, is_installed
from tests.smtp_servers import HOST

MAILS = 200

FIELDS = TEXTS.map(lambda text: storable(text)[:FIELD_LIMIT])
LEADS = st.builds(
    NewLead,
    name=FIELDS.filter(one_line),
    email=st.sampled_from(["ana@example.com", "zoe+crm@exämple.com"]),
    phone=FIELDS | st.none(),
    company=FIELDS | st.none(),
    source=FIELDS | st.none(),
    message=MESSAGES.map(storable) | st.none(),
)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def postfix(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[PostfixServer]:
    """The Postfix of this test run. Where there is none its tests are skipped, but never unnoticed in CI."""
    if not is_installed():
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("no Postfix is installed (on Debian: apt-get install --no-install-recommends postfix)")
    if os.geteuid() != 0:
        pytest.skip("Postfix can be started by root alone")
    pem = tmp_path_factory.mktemp("postfix") / "key.pem"
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(pem))
    with PostfixServer(pem) as server:
        yield server


@pytest.fixture
def relaying(sqlite_home: Home, postfix: PostfixServer, authority: trustme.CA, tmp_path: Path) -> Home:
    """A home whose mail goes to Postfix, encrypted."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    sqlite_home.environment |= {
        "MAIL_MAILER": "smtp",
        "MAIL_PORT": str(postfix.port),
        "MAIL_FROM_ADDRESS": "leads@acme.example",
        "MAIL_CA_FILE": str(tmp_path / "ca.pem"),
        "LEAD_URL": "https://crm.example.com/leads/{id}",
    }
    return sqlite_home


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """The same `count` examples at each run."""
    examples: list[Any] = []

    @seed(20270115)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(example: Any) -> None:
        examples.append(example)

    draw()
    return examples[:count]


def test_mails_about_any_lead_arrive_byte_for_byte(relaying: Home, postfix: PostfixServer) -> None:
    before = set(postfix.delivered())
    relaying.leadq("user", "create", "--name", "Bén 名 <x>", "--email", f"ben@{RECIPIENT_DOMAIN}")
    with relaying.store() as store:
        user = store.users.get(1)
        for lead in drawn(LEADS, MAILS):
            store.transact(
                lambda lead=lead: create_lead(store, lead, user="1", routing=Routing(default_queue="default"))
            )
        leads = [store.leads.get(number) for number in range(1, MAILS + 1)]
        deliveries = [store.deliveries.of_lead(lead.id)[0] for lead in leads]
    composed = open_mailer(relaying.settings).compose
    expected = [
        composed(letter_for(delivery.uuid, delivery.queued_at, lead, user)).wire
        for lead, delivery in zip(leads, deliveries, strict=True)
    ]
    assert len(set(expected)) == MAILS

    relaying.run("work", "--stop-when-empty", "--tries", 1)

    assert relaying.sql("SELECT status, COUNT(*) FROM deliveries GROUP BY status") == [("sent", MAILS)]
    assert all("queued as" in reply for (reply,) in relaying.sql("SELECT reply FROM deliveries"))
    eventually(lambda: len(postfix.delivered()) - len(before) >= MAILS)
    assert set(postfix.delivered()) - before == set(expected)
    assert "starttls=1" in postfix.log


def test_a_recipient_whom_it_will_not_relay_to_is_refused_for_good(relaying: Home, postfix: PostfixServer) -> None:
    relaying.leadq("user", "create", "--name", "Far", "--email", "far@elsewhere.example")
    relaying.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    relaying.leadq("work", "--once")
    ((status, attempts, error),) = relaying.sql("SELECT status, attempts, error FROM deliveries")
    assert (status, attempts) == ("failed", 1)
    assert error.startswith(
        "PermanentDeliveryError: RCPT refused: 554 5.7.1 <far@elsewhere.example>: Relay access denied"
    )
    assert error.endswith("(permanent)")


def test_a_name_in_ehlo_that_it_does_not_like_is_a_matter_of_settings(relaying: Home, postfix: PostfixServer) -> None:
    relaying.environment["MAIL_EHLO_DOMAIN"] = "localhost"
    relaying.leadq("user", "create", "--name", "Ben", "--email", f"ben@{RECIPIENT_DOMAIN}")
    relaying.leadq("lead", "create", "--name", "Bo", "--email", "bo@example.com")
    relaying.leadq("work", "--once", "--backoff", 60)
    ((status, error),) = relaying.sql("SELECT status, error FROM deliveries")
    assert status == "queued"
    assert "need fully-qualified hostname" in error
    assert error.endswith("(config)")
