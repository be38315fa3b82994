"""`webhost-sync tenant`: make and list tenants, and choose for how long they keep what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from store.contract import Environment, Tenant
from store.database import Database
from store.retention import Retentions
from store.tenants import Tenants
from webhost_sync.admin.models import Retention, RetentionChoice
from webhost_sync.admin.retention import RetentionDesk
from webhost_sync.cli.arguments import AsJson, TestSpace
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.key import find_tenant
from webhost_sync.cli.output import day_and_time, note, print_json, print_table
from webhost_sync.cli.settings import load_settings
from webhost_sync.history.tenant_retention import TenantRetention
from webhost_sync.limiting.budgets import ADJUSTABLE_BY_TENANT, MAX_AMOUNT
from webhost_sync.limiting.limiter import amounts_of

MOST_DAYS = 36_500


def _limit(name: str, what: str) -> Any:
    help = f"{what} in the window of the settings, or `default`."
    return typer.Option(f"--{name}", metavar="NUMBER", show_default=False, help=help)


Limit = str | None
commands = typer.Typer(
    no_args_is_help=True, help="Make and list tenants: the customers, each with a live and a test space."
)


@commands.command("create")
def create(
    slug: Annotated[
        str, typer.Argument(help="Its short name: 1 to 63 of a-z, 0-9 and -.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="Its name for people.  [default: the slug]")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a tenant: its live and its test space, both or none.

    Examples:

        webhost-sync tenant create acme --name "Acme Logistics"

        webhost-sync tenant create acme --json | jq .live.id
    """
    settings = load_settings(quiet=True)
    live, test = with_database(
        settings, lambda database: Tenants(database).create(slug, name or slug, deed=operator())
    )
    if as_json:
        print_json({"live": _document(live), "test": _document(test)})
        return
    _print([live, test])
    note(f"Next: webhost-sync key create --tenant {slug} --scopes read,write")


@commands.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List every tenant, by slug, live before test.

    Examples:

        webhost-sync tenant list

        webhost-sync tenant list --json | jq -r '.[].slug'
    """
    settings = load_settings(quiet=True)
    found = with_database(settings, lambda database: Tenants(database).all())
    if as_json:
        print_json([_document(tenant) for tenant in found])
    elif found:
        _print(found)
    else:
        note("There is no tenant yet. Make one: webhost-sync tenant create SLUG")


Days = Annotated[
    str | None,
    typer.Option(metavar="DAYS", help="So many days, or `default`: what the server's settings say."),
]


@commands.command("retention")
def retention(
    slug: Annotated[str, typer.Argument(help="The tenant.", show_default=False)],
    test: TestSpace = False,
    history_days: Days = None,
    history_hourly_days: Days = None,
    history_daily_days: Days = None,
    deleted_documents_days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Show for how long a tenant's space keeps what, or choose it.

    What is not named stays as it is. What is older than a shorter time goes when its document is next
    compacted.

    Examples:

        webhost-sync tenant retention acme

        webhost-sync tenant retention acme --history-days 7 --deleted-documents-days default
    """
    settings = load_settings(quiet=True)
    wanted = {
        "history_days": history_days,
        "history_hourly_days": history_hourly_days,
        "history_daily_days": history_daily_days,
        "deleted_documents_days": deleted_documents_days,
    }
    chosen = {name: _days(name, text) for name, text in wanted.items() if text is not None}

    async def work(database: Database) -> Retention:
        owner = await find_tenant(database, slug, test=test)
        times = TenantRetention(Retentions(database), settings)
        desk = RetentionDesk(Retentions(database), times)
        if chosen:
            choice = {**asdict(await times.chosen(owner.id)), **chosen}
            return await desk.choose(owner.id, RetentionChoice(**choice), deed=operator())
        return await desk.of(owner.id)

    kept = with_database(settings, work).model_dump()
    if as_json:
        print_json(kept)
        return
    rows = [
        (name, str(each["days"]), "the server's own" if each["own"] is None else "chosen")
        for name, each in kept.items()
    ]
    print_table(("WHAT", "DAYS", "FROM"), rows, fixed=3)


def _days(name: str, text: str) -> int | None:
    if text == "default":
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:6]) <= MOST_DAYS):
        raise typer.BadParameter(
            f"{text!r} is no number of days; write 0 to {MOST_DAYS}, or default",
            param_hint=f"--{name.replace('_', '-')}",
        )
    return int(text)


@commands.command("limits")
def limits(
    slug: Annotated[str, typer.Argument(help="The tenant's slug.", show_default=False)],
    test: TestSpace = False,
    api: Annotated[Limit, _limit("api", "Requests of one principal")] = None,
    upload: Annotated[Limit, _limit("upload", "Requests with a large body of one principal")] = None,
    connect: Annotated[Limit, _limit("connect", "Sockets that one principal opens")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the rate limits of a tenant, or give it others than the settings have.

    Every server process follows within ten seconds.

    Examples:

        webhost-sync tenant limits acme

        webhost-sync tenant limits acme --api 1000 --upload 100

        webhost-sync tenant limits acme --api default
    """
    changed = {
        kind: _parse_amount(text)
        for kind, text in (("api", api), ("upload", upload), ("connect", connect))
        if text is not None
    }
    environment = Environment.TEST if test else Environment.LIVE
    settings = load_settings(quiet=True)

    async def work(database: Database) -> Mapping[str, int]:
        if changed:
            return await Tenants(database).set_limits(slug, environment, changed, deed=operator())
        return await Tenants(database).limits(slug, environment)

    own = with_database(settings, work)
    amounts, window = amounts_of(settings), settings.rate_limit_window
    holds = {kind.value: own.get(kind, amounts[kind]) for kind in ADJUSTABLE_BY_TENANT}
    if as_json:
        print_json({"window_seconds": window, "limits": holds, "own": sorted(own)})
        return
    rows = [
        (kind, str(amount), str(window), "tenant" if kind in own else "settings")
        for kind, amount in holds.items()
    ]
    print_table(("LIMIT", "NUMBER", "SECONDS", "FROM"), rows, fixed=3)


def _parse_amount(text: str) -> int | None:
    """Read a number, or `default` as None."""
    if text == "default":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MAX_AMOUNT:
        raise typer.BadParameter(f"{text!r} is no limit; write a number from 1 to {MAX_AMOUNT}, or default")
    return int(text)


def _print(tenants: list[Tenant] | tuple[Tenant, ...]) -> None:
    print_table(
        ("ID", "SLUG", "SPACE", "CREATED (UTC)", "NAME"),
        [(str(t.id), t.slug, t.environment.value, day_and_time(t.created_at), t.name) for t in tenants],
        fixed=4,
    )


def _document(tenant: Tenant) -> dict[str, object]:
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "environment": tenant.environment.value,
        "created_at": tenant.created_at,
    }
