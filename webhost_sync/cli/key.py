"""`webhost-sync key`: make, list and revoke API keys."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from store.contract import ApiKey, Environment, Tenant
from store.database import Database
from store.keys import Keys
from store.tenants import Tenants
from webhost_sync.auth.issuing import create_key
from webhost_sync.auth.keys import Key
from webhost_sync.auth.principals import Scope
from webhost_sync.cli.arguments import AsJson, TenantSlug, TestSpace, parse_duration, parse_scope_list
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import day_and_time, note, print_json, print_table, say
from webhost_sync.cli.settings import load_settings

commands = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke API keys. The database keeps their hash only."
)

Scopes = Annotated[
    frozenset[Scope],
    typer.Option(
        "--scopes",
        parser=parse_scope_list,
        metavar="LIST",
        help="What it may do: read, write, presence, history, admin.",
    ),
]
Documents = Annotated[
    list[str] | None,
    typer.Option(
        "--documents",
        metavar="PATTERN",
        help="Documents it may open, e.g. 'tables/*'; can be repeated.  [default: *]",
    ),
]
ExpiresIn = Annotated[
    timedelta | None,
    typer.Option(
        "--expires-in",
        parser=parse_duration,
        metavar="DURATION",
        help="End it after this time, e.g. 90d.  [default: never]",
    ),
]


@commands.command("create")
def create(
    tenant: TenantSlug,
    scopes: Scopes,
    test: TestSpace = False,
    name: Annotated[str, typer.Option("--name", help="What it is for, shown in lists.")] = "",
    documents: Documents = None,
    expires_in: ExpiresIn = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and show it this once: it can't be shown again.

    Examples:

        webhost-sync key create --tenant acme --scopes read,write --name "truck 7"

        webhost-sync key create --tenant acme --test --scopes read --documents 'tables/*' --expires-in 30d

        KEY=$(webhost-sync key create --tenant acme --scopes read --json | jq -r .key)
    """
    settings = load_settings(quiet=True)
    expires_at = datetime.now(UTC) + expires_in if expires_in else None

    async def make(database: Database) -> tuple[Key, ApiKey]:
        return await create_key(
            Keys(database),
            await find_tenant(database, tenant, test=test),
            name=name,
            secret=secrets.token_bytes(32),
            scopes=sorted(scopes),
            documents=tuple(documents or ("*",)),
            expires_at=expires_at,
            deed=operator(),
        )

    key, record = with_database(settings, make)
    if as_json:
        print_json({"key": key.text, **_document(record)})
        return
    say(key.text, style="bold")
    note(
        f"Keep it now: it is not stored and can't be shown again. Revoke it with: webhost-sync key revoke "
        f"{record.prefix} --tenant {tenant}{' --test' if test else ''}"
    )


@commands.command("list")
def list_all(tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """List the keys of a tenant's space, oldest first, revoked ones too.

    Examples:

        webhost-sync key list --tenant acme

        webhost-sync key list --tenant acme --test --json
    """
    settings = load_settings(quiet=True)

    async def ask(database: Database) -> tuple[ApiKey, ...]:
        return await Keys(database).of_tenant((await find_tenant(database, tenant, test=test)).id)

    keys = with_database(settings, ask)
    if as_json:
        print_json([_document(key) for key in keys])
    elif keys:
        _print(keys)
    else:
        note(
            f"{tenant!r} has no key here. "
            f"Make one: webhost-sync key create --tenant {tenant} --scopes read,write"
        )


@commands.command("revoke")
def revoke(
    key: Annotated[
        str, typer.Argument(help="Its prefix or its id, as `key list` shows them.", show_default=False)
    ],
    tenant: TenantSlug,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """End a key for ever, and with it the tokens it issued; live connections end within seconds.

    Examples:

        webhost-sync key revoke whs_live_1a2b3c4d --tenant acme
    """
    settings = load_settings(quiet=True)
    which: UUID | str = key
    with suppress(ValueError):
        which = UUID(key)

    async def end(database: Database) -> ApiKey:
        space = await find_tenant(database, tenant, test=test)
        return await Keys(database).revoke(space.id, which, deed=operator())

    record = with_database(settings, end)
    if as_json:
        print_json(_document(record))
    else:
        say(f"{record.prefix} is revoked since {day_and_time(record.revoked_at)} UTC")


async def find_tenant(database: Database, slug: str, *, test: bool) -> Tenant:
    """Raises: CommandFailed."""
    found = await Tenants(database).find(slug, Environment.TEST if test else Environment.LIVE)
    if found is None:
        raise CommandFailed(f"there is no tenant {slug!r}; make it with `webhost-sync tenant create {slug}`")
    return found


def _print(keys: tuple[ApiKey, ...]) -> None:
    print_table(
        ("PREFIX", "STATE", "LAST USED (UTC)", "SCOPES", "DOCUMENTS", "NAME"),
        [
            (
                key.prefix,
                _state(key),
                day_and_time(key.last_used_at),
                ", ".join(key.scopes),
                ", ".join(key.documents),
                key.name,
            )
            for key in keys
        ],
        fixed=3,
    )


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return "expired" if key.expires_at <= datetime.now(UTC) else f"until {key.expires_at:%Y-%m-%d}"


def _document(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "environment": key.environment.value,
        "scopes": key.scopes,
        "documents": key.documents,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
