"""`webhost-sync webhook`: make, list, look into, replay, switch on and remove webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from store.database import Database
from store.webhooks import Webhooks
from webhost_sync.admin.webhooks import MessageList, NewWebhook, Replayed, Webhook, WebhookDesk, WebhookList
from webhost_sync.cli.arguments import AsJson, TenantSlug, TestSpace, split_names
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.key import find_tenant
from webhost_sync.cli.output import day_and_time, note, print_json, print_table, say
from webhost_sync.cli.settings import load_settings
from webhost_sync.webhooks.deliverer import guard_of
from webhost_sync.webhooks.kinds import EventKind

Result = TypeVar("Result")

commands = typer.Typer(
    no_args_is_help=True, help="Tell other systems what happens: signed, in order, at least once."
)


def parse_kinds(text: str) -> tuple[EventKind, ...]:
    """Read `document.changed,key.revoked`."""
    try:
        return tuple(EventKind(name) for name in split_names(text))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are: {', '.join(EventKind)}") from error


Id = Annotated[UUID, typer.Argument(help="Its id, as `webhook list` shows it.", show_default=False)]
Kinds = Annotated[
    str, typer.Option("--kinds", metavar="LIST", help="What it is told of, e.g. document.changed.")
]


@commands.command("create")
def create(
    url: Annotated[str, typer.Argument(help="Where messages go: https://…", show_default=False)],
    tenant: TenantSlug,
    kinds: Kinds,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Make a webhook, and show its secret this once.

    It is told of what happens from now on. What there is to be told of is in docs/webhooks.md.

    Examples:

        webhost-sync webhook create https://example.com/hooks/sync --tenant acme --kinds document.changed

        webhost-sync webhook create https://example.com/h --tenant acme --kinds key.created,key.revoked
    """
    wanted = parse_kinds(kinds)

    async def work(desk: WebhookDesk, tenant_id: int) -> NewWebhook:
        return await desk.create(tenant_id, url=url, kinds=wanted, description=description, deed=operator())

    made = _with_desk(tenant, test, work)
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    say(made.secret, style="bold")
    note(f"Keep it now: it signs the messages of webhook {made.webhook.id}, and can't be shown again.")


@commands.command("list")
def list_all(tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """List the webhooks of a tenant's space, oldest first; never their secrets.

    Examples:

        webhost-sync webhook list --tenant acme
    """

    async def work(desk: WebhookDesk, tenant_id: int) -> WebhookList:
        return await desk.of(tenant_id)

    found = _with_desk(tenant, test, work)
    if as_json:
        print_json(found.model_dump(mode="json")["items"])
    elif found.items:
        print_table(
            ("ID", "STATE", "KINDS", "URL"),
            [(str(each.id), _state(each), ", ".join(each.kinds), each.url) for each in found.items],
            fixed=2,
        )
    else:
        note(f"{tenant!r} has no webhook here.")


@commands.command("messages")
def messages(
    webhook: Id,
    tenant: TenantSlug,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="So many of them at most.")] = 50,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told, and what waits, newest first.

    Examples:

        webhost-sync webhook messages 6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f --tenant acme --dead
    """

    async def work(desk: WebhookDesk, tenant_id: int) -> MessageList:
        state = "dead" if dead else None
        return await desk.messages(tenant_id, webhook, state=state, before=None, limit=limit)

    found = _with_desk(tenant, test, work)
    if as_json:
        print_json(found.model_dump(mode="json")["items"])
        return
    print_table(
        ("SEQ", "KIND", "STATE", "ATTEMPTS", "MADE (UTC)", "LAST ERROR"),
        [
            (
                str(each.seq),
                each.kind.value,
                each.state,
                str(each.attempts),
                day_and_time(each.created_at),
                each.last_error,
            )
            for each in found.items
        ],
        fixed=5,
    )


@commands.command("replay")
def replay(
    webhook: Id,
    tenant: TenantSlug,
    from_seq: Annotated[int, typer.Option("--from-seq", min=0, metavar="SEQ", help="The first one.")],
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Send again, in order, all messages that are kept from a seq on; with the ids they had.

    Examples:

        webhost-sync webhook replay 6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f --tenant acme --from-seq 4711
    """

    async def work(desk: WebhookDesk, tenant_id: int) -> Replayed:
        return await desk.replay(tenant_id, webhook, from_seq, deed=operator())

    done = _with_desk(tenant, test, work)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        say(f"{done.messages} messages are sent again")


@commands.command("enable")
def enable(webhook: Id, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """Switch on a webhook that was switched off because it failed for days; what waits is tried at once.

    Examples:

        webhost-sync webhook enable 6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f --tenant acme
    """

    async def work(desk: WebhookDesk, tenant_id: int) -> Webhook:
        return await desk.enable(tenant_id, webhook, deed=operator())

    done = _with_desk(tenant, test, work)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        say(f"{done.id} is on")


@commands.command("remove")
def remove(webhook: Id, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """Remove a webhook, with all of its messages.

    Examples:

        webhost-sync webhook remove 6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f --tenant acme
    """

    async def work(desk: WebhookDesk, tenant_id: int) -> None:
        await desk.remove(tenant_id, webhook, deed=operator())

    _with_desk(tenant, test, work)
    if as_json:
        print_json({"removed": webhook})
    else:
        say(f"{webhook} is gone")


def _with_desk(tenant: str, test: bool, work: Callable[[WebhookDesk, int], Awaitable[Result]]) -> Result:
    settings = load_settings(quiet=True)
    guard = guard_of(settings)

    async def run(database: Database) -> Result:
        space = await find_tenant(database, tenant, test=test)
        return await work(WebhookDesk(Webhooks(database), guard), space.id)

    return with_database(settings, run)


def _state(webhook: Webhook) -> str:
    if not webhook.enabled:
        return "off"
    return "on" if webhook.failing_since is None else f"failing since {day_and_time(webhook.failing_since)}"
