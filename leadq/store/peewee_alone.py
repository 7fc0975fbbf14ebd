"""Imports Peewee without PyMySQL, for as long as nobody asks for that.

Peewee imports it where it is installed, which is a sixth of the time that a short command takes on SQLite.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from leadq.store.stand_ins import Later, standing_in

DRIVER = "pymysql"


def import_peewee() -> None:
    """Does so, unless somebody has imported either already."""
    if "peewee" in sys.modules or DRIVER in sys.modules or importlib.util.find_spec(DRIVER) is None:
        return
    with standing_in([Later(DRIVER)]):
        importlib.import_module("peewee")
