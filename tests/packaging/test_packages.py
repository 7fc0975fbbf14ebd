"""What is built, and that it works where nothing but leadq is installed. Takes minutes: pytest -m packaging."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, done

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSIONS = [row.rpartition(" ")[2] for row in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", row)]
NOT_PACKAGED = {"__pycache__"}


def files_of(folder: Path) -> set[str]:
    """The files in a folder of the project, as their paths in it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not NOT_PACKAGED & set(path.parts))
    return {str(path.relative_to(ROOT)) for path in found}


def test_the_wheel_holds_the_package_with_its_templates_and_migrations_and_the_samples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if name.startswith("leadq/")} == files_of(ROOT / "leadq")
    shared = {name.rpartition("/")[2] for name in names if "/data/share/leadq/" in name}
    assert shared == {path.name for path in (ROOT / "supervisor").iterdir()}


def test_the_sdist_holds_all_that_is_needed_to_build_and_test(built: Path) -> None:
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("leadq", "tests", "supervisor"):
        assert files_of(ROOT / folder) <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", ".env.example", "pyproject.toml"} <= names


def environment(python: str, folder: Path, *requirements: object) -> Path:
    """The programs of a fresh virtual environment."""
    done(python, "-m", "venv", folder)
    programs = folder / "bin"
    done(programs / "pip", "install", "--quiet", *requirements)
    done(programs / "pip", "check")
    return programs


def works(programs: Path, home: Path) -> None:
    """The way from nothing to a mail, with every library that leadq uses, and no warning from any of them."""
    leadq, warned = (programs / "leadq", "--home", home), {"PYTHONWARNINGS": "error"}
    done(programs / "leadq", "demo", **warned)
    done(*leadq, "init", **warned)
    done(*leadq, "user", "create", "--name", "Ana", "--email", "ana@example.com", **warned)
    for name in ("Bo", "Åsa Öberg", "山田太郎"):
        done(*leadq, "lead", "create", "--name", name, "--email", "bo@example.com", **warned)
    assert "pending" in done(*leadq, "jobs", **warned)
    done(*leadq, "work", "--once", **warned)
    done(*leadq, "work", "--stop-when-empty", "--processes", "2", **warned)
    assert len(list((home / "storage" / "mail").glob("*.eml"))) == 3
    assert "<html" in done(*leadq, "lead", "preview", "1", "--html", **warned)
    assert json.loads(done(*leadq, "lead", "list", "--json", **warned))["total"] == 3


def python_of(version: str) -> str:
    """The interpreter of a version. Where there is none the test is skipped."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if asked.stdout.startswith(f"Python {version}."):
            return candidate
    pytest.skip(f"no Python {version} is installed")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_works_on_each_python_with_run_time_dependencies_alone(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    programs = environment(python_of(version), tmp_path / "venv", wheel)
    installed = {package["name"].lower() for package in json.loads(done(programs / "pip", "list", "--format", "json"))}
    assert not installed & {"pytest", "aiosmtpd", "pymysql", "supervisor", "hypothesis"}
    assert (tmp_path / "venv" / "share" / "leadq" / "leadq-worker.conf").is_file()
    works(programs, tmp_path / "home")


def test_it_works_with_the_oldest_versions_of_its_dependencies_that_it_declares(wheel: Path, tmp_path: Path) -> None:
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["mysql"]]
    oldest = [re.sub(r"\[.*\]", "", requirement.replace(">=", "==")) for requirement in declared]
    assert all("==" in requirement for requirement in oldest)
    works(environment(sys.executable, tmp_path / "venv", wheel, *oldest), tmp_path / "home")
