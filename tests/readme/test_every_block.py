"""No block of README.md goes untested: each is claimed by one test, here or elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter

import pytest

import tests.readme
from tests.api import test_examples
from tests.packaging import test_readme as test_readme_installed
from tests.readme.blocks import BLOCKS, CLAIMED, ROOT, Block, claim

# run by .ci/run, which reads them from under `<!-- main-job -->` and `<!-- test -->`
COMMANDS_OF_CI = claim(section="See it work", language="sh")
# tests/api/test_examples.py has them in files that it runs, and compares
EXAMPLES = claim(section="For developers who embed it")


def test_each_is_claimed_by_one_test() -> None:
    for module in pkgutil.iter_modules(tests.readme.__path__):
        importlib.import_module(f"tests.readme.{module.name}")
    assert test_readme_installed
    claims = Counter(CLAIMED)
    assert [str(block) for block in BLOCKS if claims[block] != 1] == [], "to be run by one test of tests/readme"


@pytest.mark.parametrize("block", COMMANDS_OF_CI, ids=lambda block: f"line {block.line}")
def test_ci_runs_a_command_that_is_marked_for_it(block: Block) -> None:
    marker = re.fullmatch(r"<!-- ([\w-]+) -->", block.lead_in)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    named = re.findall(r"^for name in (.+); do$", script, re.MULTILINE)
    assert marker is not None
    assert marker[1] in named[0].split()
    assert block.text.count("\n") == 1


def test_the_examples_are_those_that_are_run() -> None:
    quoted = re.findall(r"^```\w+\n(.*?)^```$", test_examples.SECTION, re.MULTILINE | re.DOTALL)
    assert [block.text for block in EXAMPLES] == quoted


def test_console_blocks_fit_a_page() -> None:
    lines = [line for block in BLOCKS if block.language == "console" for line in block.text.splitlines()]
    assert [line for line in lines if len(line) > 120] == []
