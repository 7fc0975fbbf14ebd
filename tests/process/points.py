"""A module that kills its own process at a point in leadq's code, once; `home.add_module` copies it into a home.

`KILL_AT` names the point: `before` or `after` a method, as `after leadq.store.jobs:Jobs.claim`. The file `killed` in
the home says that it has happened.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
from typing import Any


def die_once() -> None:
    try:
        os.close(os.open("killed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Has the method that `point` names kill this process when it is called next."""
    when, _, place = point.partition(" ")
    module, _, path = place.partition(":")
    owner_name, _, name = path.partition(".")
    owner = getattr(importlib.import_module(module), owner_name)
    method = getattr(owner, name)

    @functools.wraps(method)
    def deadly(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            die_once()
        result = method(*arguments, **named)
        if when == "after":
            die_once()
        return result

    setattr(owner, name, deadly)


if os.environ.get("KILL_AT"):
    arm(os.environ["KILL_AT"])
