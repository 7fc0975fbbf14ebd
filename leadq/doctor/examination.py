"""All checks of a home, in the order in which they are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from leadq.doctor.area import ALL_SECONDS, Area
from leadq.doctor.check import Check
from leadq.doctor.database import DatabaseArea
from leadq.doctor.files import files_steps
from leadq.doctor.mail import mail_steps
from leadq.doctor.queue import QueueArea
from leadq.doctor.settings import read_settings, settings_steps


def examine(home: Path) -> Iterator[Check]:
    """Looks at everything and yields what is found, each once it is known. Changes nothing, and raises nothing.

    Areas are looked at at once, so that all of it takes as long as the slowest, ALL_SECONDS at most.
    """
    settings = read_settings(home)
    database = DatabaseArea(settings)
    areas = [
        Area("settings", settings_steps(settings), unanswered="Does a module of LEADQ_JOBS do work when imported?"),
        Area("files", files_steps(settings), unanswered="Is the home on a network file system that hangs?"),
        Area(
            "database",
            [*database.steps(), *QueueArea(settings, database).steps()],
            unanswered="Check that the database server runs, and DB_HOST, DB_PORT and DB_SOCKET in .env.",
            close=database.close,
        ),
        Area(
            "mail",
            mail_steps(settings),
            unanswered="Check that the mail server runs, MAIL_HOST and MAIL_PORT in .env, and the name servers.",
        ),
    ]
    give_up_at = time.monotonic() + ALL_SECONDS
    for area in areas:
        area.start()
    for area in areas:
        yield from area.checks(give_up_at=give_up_at)
