"""The page for developers: its examples run, and the README quotes them word for word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.homes import Home

pytestmark = pytest.mark.sqlite_only("the examples use SQLite")

EXAMPLES = Path(__file__).parents[1] / "examples"
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("<!-- embedding -->")[2].partition("<!-- /embedding -->")[0]
QUOTED = {
    "set_up.sh": "sh",
    "embedding.py": "python",
    "testing_it.py": "python",
    "enqueue_sqlite.sql": "sql",
    "enqueue.php": "php",
}


@pytest.fixture
def crm(home: Home) -> Home:
    """The page's home: the application's module lies in it."""
    shutil.copy(EXAMPLES / "embedding.py", home.path / "crm.py")
    home.environment |= {"LEADQ_HOME": str(home.path), "LEADQ_JOBS": "crm"}
    return home


def test_the_application_runs_and_a_worker_runs_its_job(crm: Home) -> None:
    crm.run("user", "create", "--name", "Ana Sales", "--email", "ana@example.com")
    ended = crm.ended(crm.spawn([sys.executable, "crm.py"]))
    assert (ended.exit_code, ended.stdout) == (0, "(201, 'Thank you, Bo Berg')\n"), ended
    crm.sql("UPDATE jobs SET available_at = 0")  # the minute has passed
    work = crm.run("work", "--queue", "high,default", "--stop-when-empty")
    assert re.findall(r"(\w+) \.+ [\d.]+ms DONE", work.stdout) == ["Welcome", "SendLeadCreatedEmail"]
    assert crm.sql("SELECT name, welcomed FROM contact") == [("Bo Berg", 1)]
    assert "Welcoming Bo Berg, attempt 1" in crm.log
    assert len(crm.mails) == 1


def test_it_is_set_up_as_the_page_says(tmp_path: Path) -> None:
    home = Home(tmp_path / "crm")
    home.path.mkdir()
    shutil.copy(EXAMPLES / "embedding.py", home.path / "crm.py")
    steps = (EXAMPLES / "set_up.sh").read_text(encoding="utf-8").replace("/srv/crm", str(home.path))
    before_work, work = steps.split("leadq work")
    program = f"leadq() {{ '{sys.executable}' -m leadq \"$@\"; }}\n{before_work}"
    program += f"'{sys.executable}' crm.py\nleadq work --stop-when-empty{work}"
    environment = {"LEADQ_HOME": str(home.path), "PATH": os.environ["PATH"]}
    done = subprocess.run(["sh", "-ec", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert [path.name for path in home.mails] != []
    assert home.count("jobs") == 1  # Welcome, which is to wait


def test_its_tests_pass(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "embedding.py", tmp_path / "crm.py")
    shutil.copy(EXAMPLES / "testing_it.py", tmp_path / "test_crm.py")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--rootdir",
            tmp_path,
            "-W",
            "error",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 passed")


@pytest.mark.skipif(
    not SECTION, reason="the README has no section between <!-- embedding --> and <!-- /embedding --> yet"
)
@pytest.mark.parametrize("name", QUOTED)
def test_the_readme_quotes_an_example_word_for_word(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    if name.endswith(".py"):  # without the docstring, which tells what file it is
        text = text.partition('"""\n\n')[2]
    assert f"```{QUOTED[name]}\n{text}```" in SECTION


@pytest.mark.skipif(not SECTION, reason="the README has no such section yet")
def test_every_block_of_the_readme_is_an_example() -> None:
    assert len(re.findall(r"^```\w+$", SECTION, re.MULTILINE)) == len(QUOTED)
