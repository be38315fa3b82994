"""`webhost-sync tenant`: make and list tenants."""

from __future__ import annotations

from typing import Annotated

import typer

from store.contract import Tenant
from store.tenants import Tenants
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.output import day_and_time, note, print_json, print_table
from webhost_sync.cli.settings import load_settings

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
