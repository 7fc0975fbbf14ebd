"""A template of the home that cannot be used costs the jobs that need it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homes import Home
from tests.process.signs import create_lead, failed_job

pytestmark = pytest.mark.sqlite_only("about mail, whatever the store")

GOOD = "New: {{ lead.name }}"


@pytest.fixture
def template(staffed: Home) -> Path:
    """The home's own subject; leads One and Two are waiting."""
    (staffed.path / "templates").mkdir()
    for name in ("One", "Two"):
        create_lead(staffed, name)
    return staffed.path / "templates" / "lead_created.subject.j2"


def mend(home: Home, template: Path) -> None:
    template.write_text(GOOD)
    home.leadq("retry", "all")
    home.leadq("work", "--stop-when-empty")
    assert len(home.mails) == 2
    assert home.count("failed_jobs") == 0


@pytest.mark.parametrize(
    "trouble",
    [
        "{{ lead.nme }}",
        "{{ 1 // 0 }}",
        "{% for n in range(99999999) %}x{% endfor %}",
        "{{ lead.name.__class__.__base__.__subclasses__() }}",
    ],
)
def test_a_template_that_fails_for_one_lead_fails_that_job_at_once(staffed: Home, template: Path, trouble: str) -> None:
    template.write_text(f"{{% if lead.id == 1 %}}\n{trouble}{{% else %}}{GOOD}{{% endif %}}")
    staffed.leadq("work", "--stop-when-empty")
    job = failed_job(staffed)
    assert (job["lead_id"], job["attempts"]) == (1, 1)
    assert job["error"].startswith(f"PermanentDeliveryError: compose failed: template {template}, line 2: ")
    assert len(staffed.mails) == 1
    mend(staffed, template)


def test_a_template_that_cannot_be_read_fails_each_job_and_not_the_worker(staffed: Home, template: Path) -> None:
    template.write_text("one\n{% if %}")
    staffed.leadq("work", "--stop-when-empty")
    failed = staffed.json("failed")["failed"]
    assert [job["attempts"] for job in failed] == [1, 1]
    assert all(f"template {template}, line 2: Expected an expression" in job["error"] for job in failed)
    mend(staffed, template)


def test_a_template_that_never_ends_is_stopped_at_the_jobs_timeout(staffed: Home, template: Path) -> None:
    loop = "{% for a in range(9999) %}"
    template.write_text(3 * loop + 3 * "{% endfor %}")
    staffed.leadq("work", "--once", "--timeout", 0.3, "--tries", 1)
    assert "has timed out after 0.3 s" in failed_job(staffed)["error"]
