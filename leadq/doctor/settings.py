"""The settings: whether they can be read, and what needs nothing else than them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from leadq import clock
from leadq.config import DatabaseSettings, MailSettings, Settings, load_settings
from leadq.config import load_database_settings as load_database
from leadq.config import load_mail_settings as load_mail
from leadq.doctor.check import Finding, Skipped, Step, fail, ok
from leadq.errors import ConfigError

T = TypeVar("T")

UNREADABLE = "the settings are wrong"


@dataclass(frozen=True, kw_only=True)
class HomeSettings:
    """The settings of a home, as far as they can be read.

    Attributes:
        whole: all of them; None where one is wrong.
        database, mail: these parts; None where they are wrong.
        errors: what is wrong.
    """

    home: Path
    whole: Settings | None
    database: DatabaseSettings | None
    mail: MailSettings | None
    errors: tuple[ConfigError, ...]

    def require(self) -> Settings:
        """All of them. Raises Skipped."""
        if self.whole is None:
            raise Skipped(UNREADABLE)
        return self.whole

    def require_database(self) -> DatabaseSettings:
        """Those for the database. Raises Skipped."""
        if self.database is None:
            raise Skipped(UNREADABLE)
        return self.database

    def require_mail(self) -> MailSettings:
        """Those for mail. Raises Skipped."""
        if self.mail is None:
            raise Skipped(UNREADABLE)
        return self.mail


def read_settings(home: Path) -> HomeSettings:
    """The settings of `home`; a wrong one hides no part that it isn't in."""
    errors: dict[str, ConfigError] = {}

    def loaded(load: Callable[[Path], T]) -> T | None:
        try:
            return load(home)
        except ConfigError as error:
            errors.setdefault(error.message, error)
            return None

    whole = loaded(load_settings)
    return HomeSettings(
        home=home,
        whole=whole,
        database=whole.database if whole else loaded(load_database),
        mail=whole.mail if whole else loaded(load_mail),
        errors=tuple(errors.values()),
    )


def settings_steps(settings: HomeSettings) -> list[Step]:
    """The checks of the settings."""
    return [
        Step("settings", lambda: _readable(settings)),
        Step("time zone", lambda: _time_zone(settings.require())),
        Step("own jobs", lambda: _own_jobs(settings.require())),
    ]


def _readable(settings: HomeSettings) -> Finding:
    if settings.errors:
        hints = dict.fromkeys(error.hint for error in settings.errors if error.hint)
        return fail("; ".join(error.message for error in settings.errors), " ".join(hints) or None)
    file = settings.home / ".env"
    return ok(str(file) if file.is_file() else f"{settings.home} has no .env: defaults and the environment")


def _time_zone(settings: Settings) -> Finding:
    zone = clock.local_zone(settings.timezone)
    here = datetime.now(zone) if zone else datetime.now().astimezone()
    return ok(f"{settings.timezone or here.tzname()}, where it is {here:%H:%M}")


def _own_jobs(settings: Settings) -> Finding:
    from leadq.jobs import load_jobs

    load_jobs(settings.job_modules, settings.home)
    return ok(", ".join(settings.job_modules) or "none (LEADQ_JOBS is empty)")
