"""`webhost-sync restore`: a document from its own history, or whatever a backup holds.

With `--to` or `--version` it is about a document's history (`versions.py`); else about a backup.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlsplit

import typer

from store import migrate
from store.address import address_of
from store.backup import documents as stored
from store.backup.contract import BackupRefused
from store.backup.databases import database_at, ensure_database
from store.contract import Document, Environment
from store.database import Database
from store.tenants import Tenants
from webhost_sync import opening
from webhost_sync.backup.documents import DocumentRestored, DocumentsRestorer, Outcome, opened
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.manifest import read_name
from webhost_sync.backup.places import LATEST, find_archive
from webhost_sync.backup.restoring import Link, Restored, chain_of, read_archive, restore_into
from webhost_sync.backup.shelf import Shelf
from webhost_sync.cli.arguments import AsJson, TestSpace
from webhost_sync.cli.backup import Where, target_of
from webhost_sync.cli.bars import BytesBar
from webhost_sync.cli.database import operator, postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import note, print_json, say
from webhost_sync.cli.settings import load_settings
from webhost_sync.cli.versions import restore_document
from webhost_sync.config import Settings

WORDS = {
    Outcome.EDITED: "made what it was, by a new edit",
    Outcome.SAME: "is what it was",
    Outcome.PLACED: "was missing, and is back",
    Outcome.REPLACED: "replaced, under a new epoch",
    Outcome.QUARANTINED: "left alone: in quarantine; release it, or say --new-epoch",
    Outcome.DELETED: "left alone: deleted since; bring it back, or delete it for good first",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be restored from which archive, and where to."""

    archive: str
    target: str
    into: str | None
    database: str | None
    overwrite: str | None
    tenant: str | None
    document: str | None
    test: bool
    new_epoch: bool
    dry_run: bool


def restore(
    what: Annotated[
        str,
        typer.Argument(
            help="A document's name (with --to or --version); or `latest`, an archive's name or its path.",
            show_default=False,
        ),
    ],
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            metavar="SLUG",
            help="The document's tenant; of a backup, only this tenant.  [default: all of it]",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="POINT", help="The state to go back to: a seq, a time, or how long ago."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="VERSION", help="Or a version: its name, or the start of its id."),
    ] = None,
    path: Annotated[
        str, typer.Option("--path", metavar="POINTER", help="Only this row or field, e.g. /rows/bus-7.")
    ] = "",
    document: Annotated[
        str | None, typer.Option("--document", metavar="NAME", help="Of a backup, only this document.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="DATABASE_URL", help="Another database than that of the settings."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="A database of the same server; made if missing."),
    ] = None,
    overwrite: Annotated[
        str | None,
        typer.Option(
            "--overwrite",
            metavar="NAME",
            help="Replace all that the database of this name holds; no server may run.",
        ),
    ] = None,
    new_epoch: Annotated[
        bool,
        typer.Option("--new-epoch", help="Let no replica of before merge into what is restored."),
    ] = False,
    where: Where = None,
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Show what would change; change nothing.")
    ] = False,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Make a document, or one row or field of it, what it was; or put a backup back.

    From a document's history (--to, --version) it is a new edit like any other: connected clients see it,
    what they type meanwhile stays, and a safety version is kept.

    A backup goes whole into an empty database; with --tenant or --document, into the one in use, where each
    document gets such an edit, or is put in whole where it is missing (docs/backups.md).

    Examples:

        webhost-sync restore tables/vehicles --tenant acme --to 2h --preview

        webhost-sync restore tables/vehicles --tenant acme --to 4711 --path /rows/bus-7

        webhost-sync restore latest --database webhost_restored

        webhost-sync restore latest --tenant acme --document tables/vehicles --dry-run
    """
    if to is not None or version is not None:
        if tenant is None:
            raise typer.BadParameter("say whose document it is", param_hint="--tenant")
        if document or into or database or overwrite or new_epoch or where:
            raise typer.BadParameter("--to and --version are about a document's history, not about a backup")
        restore_document(what, tenant, to, version, path, preview, test, as_json)
        return
    if what != LATEST and read_name(what.rpartition("/")[2]) is None:
        raise typer.BadParameter(
            "say either --to POINT or --version VERSION; or name a backup: `latest`, or an archive as "
            "`webhost-sync backup --list` shows it"
        )
    if path:
        raise typer.BadParameter("--path needs --to or --version", param_hint="--path")
    if document is not None and tenant is None:
        raise typer.BadParameter("say whose document it is", param_hint="--tenant")
    if into is not None and database is not None:
        raise typer.BadParameter("say --into or --database, not both")
    settings = load_settings(quiet=True)
    wanted = Wanted(
        what,
        target_of(settings, where),
        into,
        database,
        overwrite,
        tenant,
        document,
        test,
        new_epoch,
        preview,
    )
    with postgres_started(settings) as postgres:
        try:
            done = asyncio.run(
                _restore(settings, postgres.owner_url, _login(postgres.url, postgres.owner_url), wanted)
            )
        except DamagedArchive as error:
            raise CommandFailed(
                f"the archive is damaged: {error}. Nothing was changed; restore an older one (`webhost-sync "
                "backup --list`)"
            ) from error
    _report(done, wanted, as_json)


async def _restore(
    settings: Settings, url: str, login: str | None, wanted: Wanted
) -> Restored | list[DocumentRestored] | None:
    shelf, name = await find_archive(wanted.archive, wanted.target)
    links = await chain_of(shelf, name)
    goal = wanted.into or url
    if wanted.database is not None:
        goal = database_at(url, wanted.database)
        if not wanted.dry_run:
            await ensure_database(url, wanted.database)
    in_use = (
        wanted.tenant is not None and wanted.overwrite is None and await _holds_tenant(goal, wanted.tenant)
    )
    if wanted.document is not None or in_use:
        assert wanted.tenant is not None
        return await _restore_documents(settings, goal, shelf, links, wanted)
    if wanted.dry_run:
        for link in links:
            await read_archive(shelf, link)
        return None
    if wanted.overwrite is not None and wanted.overwrite != _name_of(goal):
        raise CommandFailed(
            f"--overwrite names {wanted.overwrite!r}, and the database is {_name_of(goal)!r} "
            f"({address_of(goal)}); nothing was changed"
        )
    with BytesBar("Restoring") as bar:
        restored, _ = await restore_into(
            goal,
            shelf,
            links,
            tenant=wanted.tenant,
            overwrite=wanted.overwrite is not None,
            new_epochs=wanted.new_epoch,
            server_login=login,
            on_progress=bar.show,
        )
    return restored


async def _restore_documents(
    settings: Settings, goal: str, shelf: Shelf, links: list[Link], wanted: Wanted
) -> list[DocumentRestored]:
    assert wanted.tenant is not None
    patient = settings.model_copy(update={"statement_timeout": 0.0})
    with BytesBar("Reading the backup") as bar:
        async with (
            opened(goal, shelf, links, wanted.tenant, bar.show) as source,
            opening.open_past(patient, goal) as (store, past),
        ):
            restorer = DocumentsRestorer(
                source, store.database, past.changes, by=operator(), archive=links[-1].name
            )
            done = []
            for held, tenant_id in await _chosen(source, store.database, wanted):
                bar.show(0, 0, held.name)
                done.append(
                    await restorer.restore(
                        held, tenant_id, new_epoch=wanted.new_epoch, dry_run=wanted.dry_run
                    )
                )
    return done


async def _chosen(source: Database, target: Database, wanted: Wanted) -> list[tuple[Document, int]]:
    """The documents to restore, each with the id that its tenant has in the target."""
    assert wanted.tenant is not None
    found = []
    one_space = wanted.test or wanted.document is not None
    for space in [Environment.TEST if wanted.test else Environment.LIVE] if one_space else list(Environment):
        held = await Tenants(source).find(wanted.tenant, space)
        here = await Tenants(target).find(wanted.tenant, space)
        if held is None:
            continue
        if here is None:
            raise BackupRefused(
                f"the database has no tenant {wanted.tenant!r}; make it first (`webhost-sync tenant "
                "create`), or restore into an empty database with --database NAME"
            )
        documents = await stored.find_all(source, held.id)
        found += [(each, here.id) for each in documents if wanted.document in (None, each.name)]
    if not found:
        what = f"document {wanted.document!r}" if wanted.document else "documents"
        raise BackupRefused(f"{wanted.archive} holds no {what} of {wanted.tenant!r} in this space")
    return found


async def _holds_tenant(url: str, slug: str) -> bool:
    if await asyncio.to_thread(migrate.current, url) is None:
        return False
    async with Database(url) as database:
        return await Tenants(database).find(slug, Environment.LIVE) is not None


def _report(done: Restored | list[DocumentRestored] | None, wanted: Wanted, as_json: bool) -> None:
    if done is None:
        if as_json:
            print_json({"dry_run": True, "whole": True})
        else:
            say("The archive is whole; the same without --dry-run puts it back")
        return
    if isinstance(done, Restored):
        if as_json:
            print_json(asdict(done))
            return
        say(f"Restored what {done.archives[-1]} holds: {done.documents} documents, {done.rows} rows")
        note(
            "Clients that were ahead bring back what they still have. Keys that were revoked and people who "
            "were removed since the backup are as they were then: look through them. "
            "Point DATABASE_URL here, and start the servers."
        )
        return
    if as_json:
        print_json({"dry_run": wanted.dry_run, "documents": [asdict(each) for each in done]})
        return
    for each in done:
        what = WORDS[each.outcome] if not wanted.dry_run else f"would be: {WORDS[each.outcome]}"
        changes = f" ({each.changes} changes)" if each.changes else ""
        say(f"{each.name}: {what}{changes}")


def _name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _login(url: str, owner_url: str) -> str | None:
    return urlsplit(url).username if url != owner_url else None
