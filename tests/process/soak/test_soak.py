"""Every lead arrives, whatever befalls workers, database and mail server: trouble of every kind, all at once."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import Home, eventually
from tests.process.conftest import OWN_JOBS
from tests.process.signs import notes
from tests.process.soak.crew import Crew
from tests.process.soak.database_trouble import database_trouble
from tests.process.soak.feeds import Feeds
from tests.process.soak.figures import Figures
from tests.process.soak.ledger import DISPATCHED, Ledger
from tests.process.soak.mail_trouble import MailTrouble
from tests.process.soak.memory import Memory
from tests.process.soak.post_office import PostOffice
from tests.process.soak.process_files import processes_in
from tests.process.soak.process_trouble import ProcessTrouble
from tests.process.soak.settings import write_settings
from tests.process.soak.triage import Triage
from tests.process.soak.turmoil import Turmoil
from tests.process.soak.watch import Watch

pytestmark = pytest.mark.soak

APPLICATION = Path(__file__).with_name("application.py")
WORKER_FLAGS = ("--queue", "high,default,low", "--tries", 3, "--backoff", "0,1", "--timeout", 6, "--sleep", 1)
LOOK_SECONDS = 3
END_SECONDS = 240
MOST_MEGABYTES = 100
MOST_GROWTH_MEGABYTES = 12


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What the choices begin with. Told first of all, so that a run that fails can be repeated."""
    given: int | None = request.config.getoption("--soak-seed")
    seed = random.SystemRandom().randrange(1_000_000) if given is None else given
    print(f"--soak-seed {seed}")
    return seed


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
def post_office(seed: int, figures: Figures) -> Iterator[PostOffice]:
    with PostOffice(seed, figures) as server:
        yield server


@pytest.fixture
def soaked(home: Home, post_office: PostOffice) -> Home:
    """A home with three users, all of whose settings are in its `.env`."""
    home.add_module("own_jobs", OWN_JOBS.read_text(encoding="utf-8"))
    write_settings(
        home,
        **home.environment,
        MAIL_MAILER="smtp",
        MAIL_PORT=post_office.port,
        MAIL_FROM_ADDRESS="leads@acme.example",
        MAIL_TIMEOUT=2,
    )
    home.environment.clear()
    for name in ("Ana", "Ben", "Cy"):
        home.run("user", "create", "--name", name, "--email", f"{name.lower()}@acme.example")
    shutil.copy(APPLICATION, home.path)
    return home


def test_every_lead_arrives_whatever_befalls(
    soaked: Home,
    post_office: PostOffice,
    seed: int,
    figures: Figures,
    request: pytest.FixtureRequest,
    record_property: pytest.RecordProperty,
) -> None:
    seconds: float = request.config.getoption("--soak")
    ledger = Ledger(soaked.path)
    feeds, triage = Feeds(soaked, ledger, figures, seed), Triage(soaked, figures, seed)
    with Crew(soaked, figures, *WORKER_FLAGS) as crew:
        watch = Watch(soaked, ledger, post_office, crew, figures)
        trouble = ProcessTrouble(soaked, crew, figures, seed, seconds=seconds)
        with Turmoil(seed) as turmoil:
            turmoil.repeat(crew.tend, every=(0.2, 0.2))
            turmoil.repeat(watch.look, every=(LOOK_SECONDS, LOOK_SECONDS))
            turmoil.repeat(feeds.insert, every=(0.1, 1))
            turmoil.repeat(feeds.lead_create, every=(0.3, 1.5))
            turmoil.repeat(feeds.lead_import, every=(2, 6))
            turmoil.repeat(trouble.strike, every=(0.2, 1.5))
            turmoil.repeat(database_trouble(soaked, figures, seed).strike, every=(0.5, 3))
            turmoil.repeat(MailTrouble(soaked, post_office, figures, seed).strike, every=(0.5, 3))
            turmoil.repeat(triage.act, every=(0.5, 2))
            turmoil.last(seconds)
        figures.note("jobs left when the trouble was over", soaked.count("jobs") + soaked.count("failed_jobs"))
        arrive(soaked, crew, triage, watch)
        soaked.run("doctor")
        crew.dismiss()
    accepted = post_office.counts()
    leads = assert_nothing_is_left(soaked, ledger, watch, accepted)
    assert_own_jobs_ran(soaked, most_repeats=trouble.broken_off)
    repeats, broken_off = accepted.total() - len(accepted), trouble.broken_off + post_office.untold
    assert repeats <= broken_off
    assert_flat(watch.memory)
    record_property(
        "soak",
        f"{type(soaked.database).__name__}, seed {seed}, {seconds:g} s: {leads:,} leads, {accepted.total():,} mails,"
        f" {repeats} of them repeats (at most {broken_off} attempts were broken off); {watch.memory}; {figures}",
    )


def arrive(home: Home, crew: Crew, triage: Triage, watch: Watch) -> None:
    """Without further trouble, and with a person who retries what has failed, every job is done."""
    until = time.monotonic() + END_SECONDS
    home.run("resume", "--all")
    crew.end_application()
    while home.count("jobs") or home.count("failed_jobs"):
        assert time.monotonic() < until, home.run("monitor", exit_code=None)
        crew.tend()
        triage.retry_all()
        watch.look()
        time.sleep(0.2)
    eventually(lambda: as_many_as_there_are(home, crew))  # those that were killed have been noticed


def as_many_as_there_are(home: Home, crew: Crew) -> bool:
    """Whether the database knows of the workers that run, and of no others."""
    crew.tend()  # one that was told to stop may have taken its time
    return home.count("workers") == len(crew.worker_pids)


def assert_nothing_is_left(home: Home, ledger: Ledger, watch: Watch, accepted: Counter[str]) -> int:
    """Each lead that was acknowledged has its mail, and nothing else is there; how many leads there are."""
    places = watch.examine()
    acknowledged = {places.leads[address] for address in ledger.addresses()}
    told = {delivery.lead_id for delivery in places.deliveries if accepted[delivery.uuid]}
    assert acknowledged <= told
    assert {delivery.status for delivery in places.deliveries} == {"sent"}
    assert accepted.keys() == {delivery.uuid for delivery in places.deliveries}
    assert (places.jobs, places.failed, places.workers) == ([], [], set())
    assert set(home.sql("SELECT pending_jobs, failed_jobs FROM job_batches")) == {(0, 0)}
    eventually(lambda: not processes_in(home.path))
    if home.path.joinpath("storage", "leadq.db").exists():
        assert home.sql("PRAGMA integrity_check") == [("ok",)]
    return len(places.leads)


def assert_own_jobs_ran(home: Home, *, most_repeats: int) -> None:
    """Each job that the application has dispatched has run, and again only where it was broken off."""
    dispatched = home.path.joinpath(DISPATCHED).read_text(encoding="ascii").split()
    ran = Counter(notes(home))
    assert set(dispatched) <= ran.keys()
    assert ran.total() - len(ran) <= most_repeats


def assert_flat(memory: Memory) -> None:
    """No worker has grown."""
    assert memory.most < MOST_MEGABYTES
    assert memory.longest.growth < MOST_GROWTH_MEGABYTES
