"""Makes a backup: one moment of a database into one archive on a shelf.

In: a database (as its owner), a shelf, what is wanted. Out: what was made. An increment needs the archive on
which it builds, and reads its facts; everything else is one pass, in the memory of a few frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from sqlalchemy import Table

from store import schema_version
from store.backup.contract import (
    BY_DOCUMENT,
    PROJECTED,
    BackupRefused,
    Copied,
    Facts,
    Part,
    backed_up_tables,
    part_of,
    tenant_column_of,
)
from store.backup.source import Source, one_moment
from store.backup_runs import BackupRun, BackupRuns
from store.database import Database
from webhost_sync.backup.archive import ArchiveReader, ArchiveWriter, facts_section
from webhost_sync.backup.facts import line_of, read_facts
from webhost_sync.backup.manifest import DOCUMENTS, FORMAT, Header, Parent, Section, name_of
from webhost_sync.backup.places import newest
from webhost_sync.backup.shelf import Shelf

SPARE = 16 * 1024 * 1024
"""Bytes that have to be free beside what an archive is expected to take."""
GROWTH = 1.25
"""How much larger than the last whole one an archive may be expected to be."""

OnProgress = Callable[[int, int, str], None]
"""Bytes that were read, bytes that are expected, and of which table."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished archive."""

    name: str
    target: str
    kind: str
    moment: datetime
    size: int
    sha256: str
    documents: int
    log_rows: int
    log_bytes: int
    raw_bytes: int
    seconds: float
    parent: str | None = None


async def make_backup(
    database: Database,
    shelf: Shelf,
    *,
    incremental: bool = False,
    tenant: str | None = None,
    on_progress: OnProgress = lambda done, total, what: None,
) -> Made:
    """Write an archive; the run is recorded in the database, when it fails too.

    Raises: BackupRefused, ShelfError, StoreError: there is no archive then, nor a part of one.
    """
    started = datetime.now(UTC)
    kind = "tenant" if tenant else "incremental" if incremental else "full"
    try:
        made = await _make(database, shelf, kind, tenant, started, on_progress)
    except Exception as error:
        await BackupRuns(database).add(
            BackupRun(kind, "failed", shelf.where, started, datetime.now(UTC), error=str(error)[:2000])
        )
        raise
    await BackupRuns(database).add(
        BackupRun(
            kind,
            "done",
            shelf.where,
            started,
            datetime.now(UTC),
            made.name,
            made.size,
            made.documents,
            made.log_rows,
            made.sha256,
        )
    )
    return made


async def _make(
    database: Database,
    shelf: Shelf,
    kind: str,
    tenant: str | None,
    started: datetime,
    on_progress: OnProgress,
) -> Made:
    parent, earlier = await _parent(database, shelf) if kind == "incremental" else (None, {})
    tables = [table for table in backed_up_tables() if kind != "incremental" or table.name not in PROJECTED]
    async with one_moment(database) as source:
        schema = await source.schema()
        if schema not in schema_version.known():
            raise BackupRefused(
                f"the database has schema {schema}, which is newer than this program: it would leave out "
                "tables that it doesn't know; back up with the newer program"
            )
        expected = await source.size(tables)
        await _demand_room(shelf, kind, expected)
        spaces = await source.tenants(tenant)
        if tenant is not None and not spaces:
            raise BackupRefused(f"there is no tenant {tenant!r}; `webhost-sync tenant list` shows all")
        header = Header(
            FORMAT,
            version("webhost-sync"),
            schema,
            await source.postgres(),
            started.isoformat(),
            kind,
            tenant,
            spaces,
            await source.position_months(),
            await source.sequences(),
            parent,
        )
        name = name_of(started, kind, tenant)
        async with shelf.write(name) as write:
            archive = ArchiveWriter(write, header)
            await archive.begin()
            facts, parts = await _write_facts(archive, source, spaces if tenant else None, earlier)
            if kind == "incremental":
                await source.choose(parts)
            await _Copying(archive, source, expected, on_progress).run(
                tables, [each[0] for each in spaces], kind
            )
            log_rows, log_bytes = sum(each.log_rows for each in facts), sum(each.log_bytes for each in facts)
            sha256 = await archive.finish(documents=len(facts), log_rows=log_rows, log_bytes=log_bytes)
    return Made(
        name,
        shelf.where,
        kind,
        started,
        archive.size,
        sha256,
        len(facts),
        log_rows,
        log_bytes,
        archive.raw_bytes,
        (datetime.now(UTC) - started).total_seconds(),
        parent.name if parent else None,
    )


class _Copying:
    """Copies tables into an archive, and says how far it is."""

    def __init__(
        self, archive: ArchiveWriter, source: Source, expected: int, on_progress: OnProgress
    ) -> None:
        self._archive = archive
        self._source = source
        self._expected = expected
        self._on_progress = on_progress

    async def run(self, tables: Sequence[Table], tenant_ids: Sequence[int], kind: str) -> None:
        everybodys = [table for table in tables if _owner(table) is None]
        for table in everybodys:
            for tenant_id in tenant_ids if kind == "tenant" else (None,):
                await self._copy(table, tenant_id, None)
        for tenant_id in tenant_ids:
            for table in tables:
                if table not in everybodys:
                    part = BY_DOCUMENT.get(table.name) if kind == "incremental" else None
                    await self._copy(table, tenant_id, part)
        self._on_progress(self._expected, self._expected, "")

    async def _copy(self, table: Table, tenant_id: int | None, part: str | None) -> None:
        copied = Copied.WHOLE if part is None else Copied.CHANGES
        section = self._archive.section(Section(table.name, tenant_id, tuple(table.c.keys()), copied))

        async def sink(data: bytes) -> None:
            await section.put(data)
            done = self._archive.raw_bytes
            self._on_progress(min(done, self._expected), self._expected, table.name)

        rows = await self._source.copy(
            table.name, tuple(table.c.keys()), sink, tenant_id=tenant_id, part=part
        )
        await section.end(rows)


def _owner(table: Table) -> str | None:
    return tenant_column_of(table.name, tuple(table.c.keys()))


async def _write_facts(
    archive: ArchiveWriter,
    source: Source,
    spaces: Sequence[tuple[int, str, str]] | None,
    earlier: dict[tuple[int, int], Facts],
) -> tuple[list[Facts], list[Part]]:
    section = archive.section(facts_section())
    facts, parts = [], []
    async for each in source.facts(None if spaces is None else [space[0] for space in spaces]):
        part = part_of(each, earlier.get((each.tenant_id, each.document_id)))
        await section.put(line_of(each, part))
        facts.append(each)
        parts.append(part)
    await section.end(len(facts), keeps_empty=True)
    return facts, parts


async def _parent(database: Database, shelf: Shelf) -> tuple[Parent, dict[tuple[int, int], Facts]]:
    """The newest whole or incremental archive, and its facts; all of it is read, so that nothing is built on
    a damaged one. A database that was restored knows of no backup: its log may be another after the same seq.

    Raises: BackupRefused, DamagedArchive.
    """
    entries = tuple(each for each in await shelf.entries() if not each.kind.startswith("tenant-"))
    if newest(entries, "full") is None:
        raise BackupRefused(
            f"{shelf.where} holds no whole backup to build on; make one first, without --incremental"
        )
    name = entries[-1].name
    async with shelf.read(name) as read:
        reader = ArchiveReader(read)
        header = await reader.begin()
        if header.schema != schema_version.head():
            raise BackupRefused(
                f"{name} has schema {header.schema}, the database {schema_version.head()}: after a migration "
                "comes a whole backup, without --incremental"
            )
        facts: list[Facts] = []
        async for section in reader.sections():
            if section.section.table == DOCUMENTS:
                facts = [each for each, _ in await read_facts(section)]
    if not any(
        (run.archive, run.sha256) == (name, reader.sha256) for run in await BackupRuns(database).latest(1000)
    ):
        raise BackupRefused(
            f"this database doesn't know {name}: it is of another database, or this one was restored since; "
            "make a whole backup first, without --incremental"
        )
    return Parent(name, reader.sha256), {(each.tenant_id, each.document_id): each for each in facts}


async def _demand_room(shelf: Shelf, kind: str, expected: int) -> None:
    """An increment is small, and a whole archive about as large as the last one. Raises: BackupRefused."""
    free = await shelf.free()
    if free is None:
        return
    last = newest(await shelf.entries(), "incr" if kind == "incremental" else "full")
    need = SPARE + (int(last.size * GROWTH) if last and kind != "tenant" else 0 if last else expected)
    if free < need:
        raise BackupRefused(
            f"{shelf.where} has {free:,} bytes free and the backup may need {need:,}; make room there, "
            "delete old backups (--keep-daily, --keep-weekly, --keep-monthly), or choose another target"
        )
