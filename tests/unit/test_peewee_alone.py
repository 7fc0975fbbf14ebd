"""Peewee is there without PyMySQL, until somebody asks for that: shown in processes that have imported neither."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = "import sys; print('pymysql.connections' in sys.modules)"


def python(*lines: str) -> str:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.strip()


def test_the_store_does_without_the_driver() -> None:
    assert python("import leadq.store.store", LOADED) == "False"


@pytest.mark.parametrize(
    "use",
    [
        "import peewee; print(peewee.mysql.connect is __import__('pymysql').connect)",
        "import pymysql; from peewee import mysql; print(mysql.connect is pymysql.connect)",
        "from pymysql import connect; import peewee; print(connect is peewee.mysql.connect)",
    ],
)
def test_the_driver_is_there_for_whoever_asks(use: str) -> None:
    assert python("import leadq.store.store", use) == "True"


@pytest.mark.parametrize("first", ["peewee", "pymysql"])
def test_what_the_application_has_imported_stays_as_it_is(first: str) -> None:
    before = f"import {first}; before = {first}"
    same = f"import sys, peewee, pymysql; print(sys.modules[{first!r}] is before and peewee.mysql is pymysql)"
    assert python(before, "import leadq.store.store", same) == "True"
