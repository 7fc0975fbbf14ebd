"""What `import leadq` offers, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import leadq

PRINT_LOADED = (
    "import sys; print(*sorted({'peewee', 'click', 'rich', 'jinja2', 'smtplib', 'sqlite3'} & {*sys.modules}))"
)
USE = """
from dataclasses import dataclass
import leadq, leadq.testing

@dataclass
class Welcome(leadq.Job):
    lead_id: int
    tries = 5
    backoff = [1, 2]
    def handle(self, context: leadq.JobContext) -> None:
        reveal_type(context.attempt)

lead = leadq.create_lead(name="Ana", email="ana@example.com")
reveal_type(lead.id)
reveal_type(leadq.dispatch(Welcome(lead_id=lead.id), delay=60))
with leadq.testing.fake() as fake:
    reveal_type(fake.dispatched(Welcome))
leadq.create_laed(name="Ana", email="ana@example.com")
leadq.dispatch("Welcome")
"""


def loaded_after(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", f"{code}\n{PRINT_LOADED}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("name", leadq.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(leadq, name) is not None
    assert name in dir(leadq)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'leadq' has no attribute 'create_laed'"):
        leadq.create_laed  # type: ignore[attr-defined]  # noqa: B018


def test_defining_a_job_and_catching_an_error_load_no_library() -> None:
    code = "from leadq import Job, JobContext, InvalidInput, configure, create_lead, dispatch\nclass Own(Job): pass"
    assert loaded_after(code) == ""


def test_the_public_functions_stay_what_they_are_once_everything_is_loaded() -> None:
    code = "import leadq, leadq.cli, leadq.leads, leadq.dispatching, leadq.testing\nassert callable(leadq.dispatch)"
    loaded_after(code)


def test_the_tests_helpers_need_no_import_of_their_own() -> None:
    loaded_after("import leadq\nwith leadq.testing.fake() as fake: pass")


def test_type_checkers_see_the_types(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(USE, encoding="utf-8")
    cache = Path(leadq.__file__).parents[1] / ".mypy_cache"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [re.sub(r"^app\.py:\d+: ", "", line) for line in done.stdout.splitlines() if line.startswith("app.py")]
    assert told == [
        'note: Revealed type is "int"',
        'note: Revealed type is "int"',
        'note: Revealed type is "str"',
        'note: Revealed type is "list[app.Welcome]"',
        'error: Module has no attribute "create_laed"; maybe "create_lead"?  [attr-defined]',
        'error: Argument 1 to "dispatch" has incompatible type "str"; expected "Job"  [arg-type]',
    ], done.stdout
