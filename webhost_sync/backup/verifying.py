"""Proves a backup: every byte is read, all of it is restored into a scratch database, and that is compared.

What is compared: each table of the archive, written out again by the same query, byte by byte (its SHA-256);
how many rows, and for each document its epoch, head, first row, and a sum over the checksums of its rows,
with the facts; and each document is replayed from what is stored, as a server does that opens it. The scratch
database is dropped in the end.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from store import migrate, snapshots
from store.backup.contract import PROJECTED, Copied, Facts
from store.backup.databases import scratch_database
from store.backup.source import Source, one_moment
from store.contract import CorruptDocument, DocumentState
from store.database import Database
from store.updates import driver_of
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.manifest import DOCUMENTS, End, Section
from webhost_sync.backup.restoring import Link, Loaded, OnProgress, restore_into
from webhost_sync.backup.shelf import Shelf
from webhost_sync.sync.rebuilding import rebuild

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared. `quarantined` documents were damaged when the backup was made, and still are."""

    archives: tuple[str, ...]
    sections: int
    rows: int
    documents: int
    updates: int
    quarantined: tuple[str, ...] = ()


async def verify_chain(
    url: str, shelf: Shelf, links: list[Link], *, on_progress: OnProgress = lambda done, total, what: None
) -> Verified:
    """Prove the last archive of a chain, with all it builds on, on the server of `url`.

    Raises: DamagedArchive (with what differs), BackupRefused, ShelfError, StoreError.
    """
    async with scratch_database(url) as scratch:
        restored, loaded = await restore_into(scratch, shelf, links, as_it_was=True, on_progress=on_progress)
        async with Database(scratch, statement_timeout=0) as database:
            async with one_moment(database) as source:
                on_progress(0, 0, "comparing tables")
                await _compare_facts(source, loaded[-1])
                compared = await _compare_sections(source, loaded[-1])
            await asyncio.to_thread(migrate.upgrade, scratch, extensions=False)
            quarantined = await _replay_all(database, loaded[-1].facts, on_progress)
    return Verified(
        restored.archives, compared, restored.rows, restored.documents, restored.log_rows, quarantined
    )


async def _compare_facts(source: Source, loaded: Loaded) -> None:
    found = {(each.tenant_id, each.document_id): each async for each in source.facts()}
    wanted = {(each.tenant_id, each.document_id): each for each in loaded.facts}
    if found == wanted:
        return
    differing = [
        f"{(wanted.get(key) or found[key]).name!r}"
        for key in sorted(wanted.keys() | found.keys())
        if wanted.get(key) != found.get(key)
    ]
    raise DamagedArchive(
        f"{len(differing)} documents came back otherwise than they were: {', '.join(differing[:SHOWN])}"
    )


async def _compare_sections(source: Source, loaded: Loaded) -> int:
    """Every section that holds all there is of its table; an increment's changes are proved by the facts."""
    compared = 0
    for section, end in loaded.sections:
        if section.table == DOCUMENTS or section.copied is not Copied.WHOLE:
            continue
        if loaded.header.parent is not None and section.table in PROJECTED:
            continue
        again = await _again(source, section)
        if again != end:
            raise DamagedArchive(
                f"{section.table} came back otherwise than it was: {again.rows} rows instead of {end.rows}, "
                "or others"
            )
        compared += 1
    return compared


async def _again(source: Source, section: Section) -> End:
    summed, size = hashlib.sha256(), 0

    async def sink(data: bytes) -> None:
        nonlocal size
        summed.update(data)
        size += len(data)

    rows = await source.copy(section.table, section.columns, sink, tenant_id=section.tenant_id)
    return End(rows, size, summed.hexdigest())


async def _replay_all(
    database: Database, facts: tuple[Facts, ...], on_progress: OnProgress
) -> tuple[str, ...]:
    """What takes longest where logs are long: progress is in their bytes."""
    quarantined = []
    done, total = 0, sum(each.log_bytes for each in facts)
    for each in facts:
        on_progress(done, total, "replaying documents")
        done += each.log_bytes
        if each.state == DocumentState.DELETED:
            continue
        try:
            async with driver_of(database.moment(each.tenant_id)) as connection:
                stored = await snapshots.load(connection, each.tenant_id, each.document_id)
            document, _ = await rebuild(stored, client_id=0)
            document.close()
        except CorruptDocument as error:
            if each.state != DocumentState.QUARANTINED:
                raise DamagedArchive(f"document {each.name!r} can't be replayed: {error}") from error
            quarantined.append(each.name)
    return tuple(quarantined)
