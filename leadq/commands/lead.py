"""`leadq lead …`: the group, and looking at leads."""

from __future__ import annotations

import importlib

import click

from leadq.app import App
from leadq.commands.options import LIMIT, SECONDS, example, json_option, pass_app

ELSEWHERE = {
    "create": "leadq.commands.lead_create",
    "import": "leadq.commands.lead_import",
    "assign": "leadq.commands.lead_assign",
    "preview": "leadq.commands.lead_preview",
}


class LeadCommands(click.Group):
    """`list` and `show` are here; the others have a file each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they are told."""
        return ["create", "import", "list", "show", "assign", "preview"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command that has a file of its own."""
        module = ELSEWHERE.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(module).command
        return command


@click.group(
    cls=LeadCommands, epilog=example("leadq lead create", "leadq lead show 7", "leadq lead list --status failed")
)
def command() -> None:
    """Create leads and see what became of them."""


@command.command("list", epilog=example("leadq lead list --status failed", "leadq lead list --user 3 --since 24h"))
@click.option("--user", metavar="ID|EMAIL", help="Only this colleague's.")
@click.option(
    "--status",
    type=click.Choice(["none", "queued", "sent", "failed"]),
    help="Only leads whose notification stands so.",
)
@click.option("--since", type=SECONDS, help="Only leads that came in so recently: 90s, 10m, 2h, 1d.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="At most so many.")
@json_option
@pass_app
def list_(app: App, user: str | None, status: str | None, since: float | None, limit: int) -> None:
    """List the leads, the newest first."""
    from leadq.output.documents import listed_lead_document

    leads, total = app.store.leads.listing(
        user_id=app.store.users.find(user).id if user else None,
        notification=status,
        since=None if since is None else app.store.now() - int(since),
        limit=limit,
    )
    if app.out.as_json:
        app.out.document({"leads": [listed_lead_document(listed) for listed in leads], "total": total})
        return
    if not leads:
        app.out.line("No leads.")
        return
    from leadq.output.times import age

    names = {user.id: user.name for user in app.store.users.all()}
    rows = [
        (one.lead.id, one.lead.name, one.lead.email, one.lead.company, names.get(one.lead.user_id or 0),
         one.notification, age(one.lead.created_at))
        for one in leads
    ]  # fmt: skip
    app.out.table(
        ("id", "name", "email", "company", "user", "notification", "created"),
        rows,
        shrink=("company", "name", "email", "user"),
    )
    if total > len(leads):
        app.out.note(f"The newest {len(leads)} of {total}; see more with --limit.")


@command.command(epilog=example("leadq lead show 7"))
@click.argument("lead_id", metavar="ID", type=int)
@json_option
@pass_app
def show(app: App, lead_id: int) -> None:
    """Tell the story of a lead: created, queued, each attempt, sent."""
    from leadq.output.documents import delivery_document, event_document, lead_document, user_document
    from leadq.output.stories import story_lines
    from leadq.stories import story_of

    lead = app.store.leads.get(lead_id)
    user = app.store.users.get(lead.user_id) if lead.user_id is not None else None
    deliveries = app.store.deliveries.of_lead(lead.id)
    events = story_of(app.store, lead, deliveries)
    if app.out.as_json:
        app.out.document(
            {
                "lead": lead_document(lead),
                "user": user_document(user) if user else None,
                "deliveries": [delivery_document(delivery) for delivery in deliveries],
                "events": [event_document(event) for event in events],
            }
        )
        return
    facts = lead_document(lead)
    del facts["user_id"], facts["created_at"]
    facts["user"] = f"{user.name} <{user.email}>" if user else "nobody"
    app.out.facts({key: value for key, value in facts.items() if value is not None}, blocks=("message",))
    app.out.line()
    for line in story_lines(events, app.settings.timezone, width=app.out.width):
        app.out.line(line)
