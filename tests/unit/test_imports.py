"""The layers: who may import whom, and what a command may not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import leadq

PACKAGE = Path(leadq.__file__).parent
MODULES = {
    ".".join(("leadq", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
ONE_HOME = {
    "rich": "leadq.output",
    "peewee": "leadq.store",
    "playhouse": "leadq.store",
    "jinja2": "leadq.mail",
    "markupsafe": "leadq.mail",
    "smtplib": "leadq.mail",
    "dotenv": "leadq.config",
    "email_validator": "leadq.addresses",
}
LAYERS = {
    "leadq.worker": ("click", "rich", "leadq.mail", "leadq.output", "leadq.commands", "leadq.app", "leadq.cli"),
    "leadq.store": ("click", "rich", "leadq.mail", "leadq.worker", "leadq.output", "leadq.commands", "leadq.app"),
    "leadq.mail": ("click", "rich", "leadq.store", "leadq.worker", "leadq.output", "leadq.commands", "leadq.app"),
    "leadq.jobs": ("click", "rich", "leadq.worker", "leadq.output", "leadq.commands", "leadq.app"),
    "leadq.api": ("click", "rich", "leadq.output", "leadq.commands", "leadq.app", "leadq.cli"),
    "leadq.embedding": ("click", "rich", "leadq.output", "leadq.commands", "leadq.app", "leadq.cli"),
    "leadq.testing": ("click", "rich", "leadq.output", "leadq.commands", "leadq.app", "leadq.cli"),
    "leadq.doctor": ("click", "rich", "leadq.worker", "leadq.output", "leadq.commands", "leadq.app", "leadq.cli"),
    "leadq.output": ("click", "leadq.mail", "leadq.commands", "leadq.app", "leadq.cli"),
}
HEAVY = (
    "peewee",
    "playhouse",
    "pymysql",
    "rich",
    "jinja2",
    "dotenv",
    "email_validator",
    "smtplib",
    "sqlite3",
    "asyncio",
)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports_of(path: Path) -> Iterator[str]:
    """What a module imports when it runs, at its top or later: TYPE_CHECKING blocks do not count."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending += ast.iter_child_nodes(node)


@pytest.mark.parametrize("library", ONE_HOME)
def test_a_library_has_one_home(library: str) -> None:
    elsewhere = [
        name
        for name, path in MODULES.items()
        if not is_within(name, ONE_HOME[library]) and any(is_within(found, library) for found in imports_of(path))
    ]
    assert elsewhere == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_nothing_from_above(layer: str) -> None:
    broken = [
        f"{name} imports {found}"
        for name, path in MODULES.items()
        if is_within(name, layer)
        for found in imports_of(path)
        if any(is_within(found, forbidden) for forbidden in LAYERS[layer])
    ]
    assert broken == []


def loaded_by(code: str) -> set[str]:
    """The libraries that a fresh interpreter has loaded once it has run `code`."""
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


def test_importing_leadq_loads_nothing_heavy() -> None:
    assert loaded_by("import leadq") & {*HEAVY, "click"} == set()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(argument: str) -> None:
    code = f"import leadq.cli\ntry: leadq.cli.main([{argument!r}])\nexcept SystemExit: pass"
    assert loaded_by(code) & set(HEAVY) == set()
