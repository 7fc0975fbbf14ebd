"""Jobs that take their process with them: the others go on, and the reason is kept."""

from __future__ import annotations

import pytest

from tests.homes import Home, eventually
from tests.process.signs import failed_job, notes, own_job

pytestmark = pytest.mark.sqlite_only("about processes, whatever the store")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("InC", "its job timed out and could be interrupted by nothing, at File"),
        ("Uninterruptible", "its job timed out and could be interrupted by nothing, at File"),
        ("Crashing", "Fatal Python error: Segmentation fault, at File"),
        ("Exiting", "killed without a word"),
        ("Fatal", "killed without a word"),
    ],
)
def test_it_ends_in_failed_jobs_with_the_last_words_of_its_worker(jobs_home: Home, name: str, reason: str) -> None:
    jobs_home.insert_job(own_job(name, MAXTRIES=1))
    parent = jobs_home.start("work", "--processes", 2, "--timeout", "0.5")
    eventually(lambda: notes(jobs_home) == ["attempt 1"])
    jobs_home.insert_job(own_job("Note", text="bystander"))
    eventually(lambda: "bystander" in notes(jobs_home), timeout=5)
    eventually(lambda: jobs_home.count("failed_jobs") == 1)
    failed = failed_job(jobs_home)
    assert failed["error"].startswith(f"TooManyAttempts: {name} has been attempted too many times: its tries (1)")
    assert reason in failed["error"]
    assert failed["attempts"] == 1
    assert jobs_home.stop(parent).exit_code == 0
    assert list((jobs_home.path / "storage" / "workers").iterdir()) == []
