"""`leadq user …`."""

from __future__ import annotations

import click

from leadq.app import App
from leadq.commands.options import example, json_option, pass_app


@click.group(epilog=example("leadq user create --name 'Ana Sales' --email ana@example.com", "leadq user list"))
def command() -> None:
    """The colleagues who receive leads."""


@command.command(epilog=example("leadq user create --name 'Ana Sales' --email ana@example.com"))
@click.option("--name", required=True, help="Their name.")
@click.option("--email", required=True, help="Where their leads are sent.")
@json_option
@pass_app
def create(app: App, name: str, email: str) -> None:
    """Add a colleague; the round of new leads then includes them."""
    from leadq.output.documents import user_document
    from leadq.users import create_user

    user = create_user(app.store, name=name, email=email)
    if app.out.as_json:
        app.out.document(user_document(user))
    else:
        app.out.line(f"User {user.id} created: {user.name} <{user.email}>")


@command.command("list", epilog=example("leadq user list --json"))
@json_option
@pass_app
def list_(app: App) -> None:
    """List the colleagues."""
    from leadq.output.documents import user_document

    users = app.store.users.all()
    if app.out.as_json:
        app.out.document({"users": [user_document(user) for user in users], "total": len(users)})
    elif not users:
        app.out.line("No users yet. Add one with: leadq user create --name NAME --email ADDRESS")
    else:
        rows = [(user.id, user.name, user.email, "yes" if user.active else "no") for user in users]
        app.out.table(("id", "name", "email", "active"), rows)


@command.command(epilog=example("leadq user deactivate 3", "leadq user deactivate ana@example.com"))
@click.argument("user", metavar="ID|EMAIL")
@json_option
@pass_app
def deactivate(app: App, user: str) -> None:
    """Take a colleague out of the round of new leads. What is on its way to them is still sent."""
    _set_active(app, user, active=False)


@command.command(epilog=example("leadq user activate 3"))
@click.argument("user", metavar="ID|EMAIL")
@json_option
@pass_app
def activate(app: App, user: str) -> None:
    """Put a colleague back into the round of new leads."""
    _set_active(app, user, active=True)


def _set_active(app: App, reference: str, *, active: bool) -> None:
    from leadq.output.documents import user_document

    user = app.store.users.set_active(app.store.users.find(reference).id, active)
    if app.out.as_json:
        app.out.document(user_document(user))
    else:
        app.out.line(f"User {user.id} ({user.name}) is {'active' if active else 'inactive'} now.")
