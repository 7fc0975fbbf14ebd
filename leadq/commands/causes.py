"""The table of causes, for the commands that tell them."""

from __future__ import annotations

from collections.abc import Sequence

from leadq.app import App
from leadq.causes import Cause

COLUMNS = ("count", "1h", "24h", "leads", "users", "first", "last", "sample", "job", "error")


def print_causes(app: App, causes: Sequence[Cause]) -> None:
    """A row for each cause; where the terminal is narrow, job and error stand below their numbers."""
    from leadq.output.times import age

    rows = [
        (cause.count, cause.last_hour, cause.last_day, cause.leads, cause.users,
         age(cause.first_at), age(cause.last_at), cause.sample, cause.job, cause.error)
        for cause in causes
    ]  # fmt: skip
    app.out.table(COLUMNS, rows, shrink=("error", "job"), below=("job", "error"))
