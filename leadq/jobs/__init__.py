"""The jobs themselves, and loading those of the application."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from leadq.errors import ConfigError


def load_jobs(modules: Iterable[str], home: Path) -> None:
    """Registers the built-in job and those of LEADQ_JOBS. Modules are found in the home, too.

    Raises:
        ConfigError: a module cannot be imported.
    """
    importlib.import_module("leadq.jobs.send_lead_created_email")
    for name in modules:
        if str(home) not in sys.path:
            sys.path.append(str(home))
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ConfigError(
                f"LEADQ_JOBS names {name}, which cannot be imported: {type(error).__name__}: {error}",
                hint=f"Put it into {home} or install it where leadq is installed.",
            ) from error
