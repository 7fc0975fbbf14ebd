"""An error becomes a message: what, why, what to type next. A traceback only with `-v`, and in the log."""

from __future__ import annotations

import traceback

from leadq.app import App
from leadq.errors import LeadqError
from leadq.text import one_line


def report_failure(app: App, error: Exception) -> int:
    """Tells a command's error, as JSON where that was asked for, and returns the exit code."""
    shown = _told(error)
    if not isinstance(error, LeadqError | OSError):
        _log_unexpected(app)
    if app.verbose:
        traceback.print_exception(error)
    if app.out.as_json:
        from leadq.output.documents import error_document

        app.out.document(error_document(shown))
    else:
        app.out.error(shown.message, shown.hint)
    return 1


def _told(error: Exception) -> LeadqError:
    if isinstance(error, LeadqError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return LeadqError(f"{where}{error.strerror or error}")
    return LeadqError(
        one_line(f"unexpected {type(error).__name__}: {error}", limit=300),
        hint="This is a bug in leadq. Run the command again with -v for the traceback: leadq -v …",
    )


def _log_unexpected(app: App) -> None:
    import logging

    try:
        app.start_logging()
    except (LeadqError, OSError):
        return
    logging.getLogger("leadq").error("Unexpected error", exc_info=True)
