"""`webhost-sync project` and `webhost-sync rebuild`: the SQL tables that follow from the documents."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from store.fleet import PostgresFleet
from store.tenants import Tenants
from webhost_sync import opening
from webhost_sync.cli.arguments import AsJson, EndsWithStdin
from webhost_sync.cli.database import postgres_ready, postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import note, print_json, say
from webhost_sync.cli.parent import stop_when_stdin_ends
from webhost_sync.cli.progress import Bars
from webhost_sync.cli.serving import check_schema
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.fleet.rebuild import RebuiltTable
from webhost_sync.fleet.rebuild import rebuild as rebuild_tables


def project(until_stdin_ends: EndsWithStdin = False) -> None:
    """Write the SQL tables as documents change, until SIGTERM or Ctrl-C: the projector as its own process.

    Several may run: each takes documents that no other is at. Logs go to stderr.

    Examples:

        webhost-sync project
    """
    settings = load_settings()
    if until_stdin_ends:
        stop_when_stdin_ends()
    with postgres_ready(settings) as postgres:
        check_schema(postgres.url)
        asyncio.run(_until_stopped(settings, postgres.url))


async def _until_stopped(settings: Settings, database_url: str) -> None:
    running = asyncio.create_task(opening.project(settings, database_url))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    note("projector started")
    try:
        await running
    except asyncio.CancelledError:
        note("projector stopped")


def rebuild(
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant", metavar="SLUG", help="Only this tenant, both spaces.  [default: every tenant]"
        ),
    ] = None,
    table: Annotated[
        RebuiltTable | None, typer.Option("--table", help="Only this table.  [default: every table]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the rows anew from the documents; rows that were right stay as they are.

    One transaction for each tenant's space: readers see its rows before or after, never between.

    Examples:

        webhost-sync rebuild

        webhost-sync rebuild --tenant acme --table gps_positions
    """
    settings = load_settings(quiet=True)
    with postgres_started(settings) as postgres, Bars() as bar:
        documents = asyncio.run(_rebuild(settings, postgres.owner_url, tenant, table, bar))
    if as_json:
        print_json({"documents": documents})
    else:
        say(f"Rebuilt the rows of {documents} documents")


async def _rebuild(
    settings: Settings, database_url: str, slug: str | None, table: RebuiltTable | None, bar: Bars
) -> int:
    patient = settings.model_copy(update={"statement_timeout": 0.0})
    async with opening.open_store(patient, database_url) as store:
        spaces = [each for each in await Tenants(store.database).all() if slug in (None, each.slug)]
        if slug is not None and not spaces:
            raise CommandFailed(f"there is no tenant {slug!r}; `webhost-sync tenant list` shows all")
        documents = 0
        for space in spaces:
            bar.next(f"{space.slug} ({space.environment.value})")
            documents += await rebuild_tables(
                PostgresFleet(store.database, store.changes),
                store.log,
                settings,
                tenant_id=space.id,
                table=table,
                on_progress=lambda step: bar.show(step.done, step.total),
            )
        return documents
