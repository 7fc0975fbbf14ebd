"""Asking before something is destroyed in production."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from leadq.app import App
from leadq.errors import Refused

F = TypeVar("F", bound=Callable[..., Any])


def force_option(function: F) -> F:
    """`--force`: do not ask."""
    return click.option("--force", is_flag=True, help="Do not ask, even with APP_ENV=production.")(function)


def require_consent(app: App, consequence: str, *, force: bool) -> None:
    """Returns where the command may go on: outside production always, there after a yes or with `force`.

    Raises:
        Refused: nobody has said yes.
    """
    if force or not app.settings.in_production:
        return
    if not sys.stdin.isatty():
        raise Refused(f"the application is in production. {consequence}", hint="Add --force if that is what you want.")
    app.out.warn(f"The application is in production. {consequence}")
    if not click.confirm("Are you sure you want to run this command?", default=False, err=True):
        raise Refused("command cancelled, nothing was changed")
