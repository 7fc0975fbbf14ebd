"""`leadq doctor`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.command(epilog=example("leadq doctor", "leadq doctor --json"))
@json_option
@pass_app
def command(app: App) -> None:
    """Look for whatever keeps mails from going out.

    Checks settings, files, database, workers, waiting jobs and the way to the mail server, and says what to do. Sends
    nothing and changes nothing. Exit 1 where a check fails; warnings are none.
    """
    from leadq.doctor.check import Status, worst
    from leadq.doctor.examination import examine

    checks = examine(app.home)
    if app.out.as_json:
        from leadq.output.documents import examination_document

        found = list(checks)
        app.out.document(examination_document(found))
    else:
        from leadq.output.checks import print_checks

        found = print_checks(checks)
    if worst(check.status for check in found) is Status.FAIL:
        raise click.exceptions.Exit(1)
