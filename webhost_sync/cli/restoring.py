"""Carries out what `webhost-sync restore` asks of a backup: whole, or document by document.

The command (`restore.py`) says what is wanted; what was restored goes back to it. Prints nothing but how far
it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from store import migrate
from store.address import address_of
from store.backup import documents as stored
from store.backup.contract import BackupRefused
from store.backup.databases import database_at, ensure_database
from store.contract import Document, Environment
from store.database import Database
from store.tenants import Tenants
from webhost_sync import opening
from webhost_sync.backup.documents import DocumentRestored, DocumentsRestorer, opened
from webhost_sync.backup.places import find_archive
from webhost_sync.backup.restoring import Link, Restored, chain_of, read_archive, restore_into
from webhost_sync.backup.shelf import Shelf
from webhost_sync.cli.bars import BytesBar
from webhost_sync.cli.database import operator
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.config import Settings


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


async def restore_backup(
    settings: Settings, url: str, login: str | None, wanted: Wanted
) -> Restored | list[DocumentRestored] | None:
    """Put back what is wanted: a whole backup, or documents; None where a whole one was only read.

    `url` is the owner's; `login` is that of the server where it is another.
    Raises: CommandFailed, BackupRefused, DamagedArchive, Unavailable.
    """
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


def _name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
