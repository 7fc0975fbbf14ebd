"""What the tests with real processes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import on_every_database
from tests.homes import Home

OWN_JOBS = Path(__file__).with_name("own_jobs.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_every_database(metafunc)


@pytest.fixture
def jobs_home(home: Home) -> Home:
    """A home whose workers know the jobs of own_jobs.py."""
    home.add_module("own_jobs", OWN_JOBS.read_text(encoding="utf-8"))
    return home


@pytest.fixture
def mailing_jobs(mailing: Home) -> Home:
    """A home with one user and a mail server, whose workers know the jobs of own_jobs.py."""
    mailing.add_module("own_jobs", OWN_JOBS.read_text(encoding="utf-8"))
    return mailing
