"""Imports PyMySQL without cryptography, for as long as no server asks for that.

PyMySQL's module `_auth` imports it for one kind of login, a password that is sent under the server's own key. It is a
quarter of a worker's memory, 10 MB, and a fifth of the time that a short command takes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from leadq.store.stand_ins import Later, standing_in

LIBRARY = "cryptography"
BACKENDS, PRIMITIVES = f"{LIBRARY}.hazmat.backends", f"{LIBRARY}.hazmat.primitives"
ASYMMETRIC = f"{PRIMITIVES}.asymmetric"


def import_pymysql() -> ModuleType:
    """Does so, unless somebody has imported either already.

    Raises:
        ImportError: it is not installed.
    """
    if "pymysql" in sys.modules or LIBRARY in sys.modules or importlib.util.find_spec(LIBRARY) is None:
        return importlib.import_module("pymysql")
    backends, primitives, asymmetric = ModuleType(BACKENDS), ModuleType(PRIMITIVES), ModuleType(ASYMMETRIC)
    vars(backends)["default_backend"] = _default_backend
    for package, names in ((primitives, ("hashes", "serialization")), (asymmetric, ("padding",))):
        vars(package).update({name: Later(f"{package.__name__}.{name}") for name in names})
    with standing_in([backends, primitives, asymmetric]):
        return importlib.import_module("pymysql")


def _default_backend() -> Any:
    return importlib.import_module(BACKENDS).default_backend()
