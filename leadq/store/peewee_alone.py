"""Imports Peewee without PyMySQL, for as long as nobody asks for that.

Peewee imports it where it is installed, and with it comes cryptography: a sixth of the time that a short command takes
on SQLite, which needs neither.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

DRIVER = "pymysql"


class _Later(ModuleType):
    """Stands in for a module until something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def import_peewee() -> None:
    """Does so, unless somebody has imported either already."""
    if "peewee" in sys.modules or DRIVER in sys.modules or importlib.util.find_spec(DRIVER) is None:
        return
    stand_in = _Later(DRIVER)
    sys.modules[DRIVER] = stand_in
    try:
        importlib.import_module("peewee")
    finally:
        if sys.modules.get(DRIVER) is stand_in:
            del sys.modules[DRIVER]
