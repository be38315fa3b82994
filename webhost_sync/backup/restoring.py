"""Puts archives back: a whole backup and the increments on it into one database, in one transaction.

In: a shelf and a name. Out: what was restored. A damaged archive, a full disk or a kill in the middle leave
the database as it was. The database is brought to the archive's schema before and to this program's after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from store import migrate, schema_version
from store.backup.contract import BY_DOCUMENT, PROJECTED, BackupRefused, Facts
from store.backup.target import Target, restoring
from store.contract import Environment
from store.database import Database
from webhost_sync.backup.archive import ArchiveReader, SectionReader
from webhost_sync.backup.facts import read_facts
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.manifest import DOCUMENTS, End, Header, Manifest, Section
from webhost_sync.backup.shelf import Shelf

OnProgress = Callable[[int, int, str], None]
INCREMENT_KEEPS = frozenset(BY_DOCUMENT) | PROJECTED
"""What an increment adds to, or leaves alone; all else it replaces."""


@dataclass(frozen=True, slots=True)
class Link:
    """One archive of a chain, as its header says."""

    name: str
    size: int
    header: Header


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an archive held: the facts of its documents, and its sections' ends, to compare with."""

    header: Header
    manifest: Manifest
    facts: tuple[Facts, ...]
    sections: tuple[tuple[Section, End], ...]


@dataclass(frozen=True, slots=True)
class Restored:
    archives: tuple[str, ...]
    moment: datetime
    tenants: int
    documents: int
    log_rows: int
    rows: int


async def chain_of(shelf: Shelf, name: str) -> list[Link]:
    """The archives to be read one after another, the whole one first.

    Raises: BackupRefused (one is missing), DamagedArchive, ShelfError.
    """
    sizes = {entry.name: entry.size for entry in await shelf.entries()}
    links: list[Link] = []
    wanted = name
    while True:
        if wanted not in sizes or any(link.name == wanted for link in links):
            raise BackupRefused(f"{name} builds on {wanted}, which is not in {shelf.where}; bring it there")
        async with shelf.read(wanted) as read:
            header = await ArchiveReader(read).begin()
        if header.schema not in schema_version.known():
            raise BackupRefused(
                f"{wanted} has schema {header.schema}, which this program doesn't know; restore it with the "
                f"program that wrote it ({header.program}) or a newer one"
            )
        links.insert(0, Link(wanted, sizes[wanted], header))
        if header.parent is None:
            return links
        wanted = header.parent.name


async def restore_into(
    url: str,
    shelf: Shelf,
    links: list[Link],
    *,
    tenant: str | None = None,
    overwrite: bool = False,
    new_epochs: bool = False,
    as_it_was: bool = False,
    server_login: str | None = None,
    on_progress: OnProgress = lambda done, total, what: None,
) -> tuple[Restored, list[Loaded]]:
    """Restore a chain into the database of the URL, whose schema is made where there is none.

    Into one that holds something only with `overwrite`, and only while nobody else is connected. With
    `tenant` only the spaces of that one, and its members among people. What is restored `as_it_was` can be
    compared with the archive: it keeps its schema, and its positions their numbers.
    Raises: BackupRefused, DamagedArchive, ShelfError, StoreError: nothing was restored.
    """
    header = links[-1].header
    spaces = [each for each in header.tenants if tenant in (None, each[1])]
    if tenant is not None and not spaces:
        known = ", ".join(sorted({each[1] for each in header.tenants})) or "none"
        raise BackupRefused(f"{links[-1].name} holds no tenant {tenant!r}; it holds: {known}")
    await _demand_schema(url, header.schema, server_login)
    async with Database(url, statement_timeout=0) as database, restoring(database) as target:
        await target.demand_nobody()
        if not overwrite and not await target.is_empty():
            raise BackupRefused(
                f"the database {database.address} is not empty; give another one with --database NAME, or "
                "say with --overwrite NAME, its name, that all it holds is to be replaced"
            )
        await target.clear()
        await target.quiet(on=True)
        loading = _Loading(target, sum(link.size for link in links), on_progress)
        loaded: list[_Read] = []
        for link in links:
            before = loaded[-1].sha256 if loaded else None
            loaded.append(await loading.load(shelf, link, before, {each[0] for each in spaces}))
        await target.quiet(on=False)
        await target.set_sequences(dict(header.sequences))
        if not as_it_was:
            await target.begin_feeds_anew()
        if tenant is not None:
            await target.drop_strangers()
        if new_epochs:
            await target.begin_epochs_anew()
        await target.analyze()
    if not as_it_was:
        await asyncio.to_thread(migrate.upgrade, url, server_login=server_login)
    last = loaded[-1].loaded
    ids = {each[0] for each in spaces}
    facts = [each for each in last.facts if each.tenant_id in ids]
    restored = Restored(
        tuple(link.name for link in links),
        datetime.fromisoformat(header.moment),
        len(spaces),
        len(facts),
        sum(each.log_rows for each in facts),
        loading.rows,
    )
    return restored, [each.loaded for each in loaded]


async def read_archive(shelf: Shelf, link: Link) -> Loaded:
    """Check every byte of an archive, without a database. Raises: DamagedArchive, ShelfError."""
    return (
        await _Loading(None, link.size, lambda done, total, what: None).load(shelf, link, None, ())
    ).loaded


async def _demand_schema(url: str, revision: str, server_login: str | None) -> None:
    found = await asyncio.to_thread(migrate.current, url)
    if found is None:
        await asyncio.to_thread(migrate.upgrade, url, server_login=server_login, to=revision)
    elif found != revision:
        raise BackupRefused(
            f"the backup has schema {revision} and the database {found}: restore into a new database with "
            "--database NAME, which is migrated afterwards"
        )


@dataclass(frozen=True, slots=True)
class _Read:
    loaded: Loaded
    sha256: str


class _Loading:
    """Reads archives one after another into a target; without one it only reads."""

    def __init__(self, target: Target | None, total: int, on_progress: OnProgress) -> None:
        self._target = target
        self._total = total
        self._on_progress = on_progress
        self._done = 0
        self.rows = 0

    async def load(self, shelf: Shelf, link: Link, before: str | None, tenant_ids: Collection[int]) -> _Read:
        facts: tuple[Facts, ...] = ()
        sections: list[tuple[Section, End]] = []
        async with shelf.read(link.name) as read:
            reader = ArchiveReader(read)
            header = await reader.begin()
            if before is not None and (header.parent is None or header.parent.sha256 != before):
                raise DamagedArchive(f"{link.name} builds on another archive of that name")
            if self._target is not None:
                await self._target.make_months(header.position_months)
            async for section in reader.sections():
                if section.section.table == DOCUMENTS:
                    found = await read_facts(section)
                    facts = tuple(each for each, _ in found)
                    if self._target is not None and header.parent is not None:
                        wanted = [each for each in found if each[0].tenant_id in tenant_ids]
                        await self._target.make_room(
                            [each for each, _ in wanted], [part for _, part in wanted]
                        )
                        await self._target.clear(but=INCREMENT_KEEPS)
                elif self._target is not None and section.section.tenant_id in (None, *tenant_ids):
                    await self._copy(reader, section)
                else:
                    await section.skip()
                assert section.end is not None
                sections.append((section.section, section.end))
            assert reader.manifest is not None
            self._done += reader.position
        return _Read(Loaded(header, reader.manifest, facts, tuple(sections)), reader.sha256)

    async def _copy(self, reader: ArchiveReader, section: SectionReader) -> None:
        assert self._target is not None
        where = section.section

        async def stream() -> AsyncIterator[bytes]:
            async for data in section.data():
                self._on_progress(self._done + reader.position, self._total, where.table)
                yield data

        rows = await self._target.copy(where.table, where.columns, stream())
        if section.end is None or section.end.rows != rows:
            raise DamagedArchive(f"{rows} rows of {where.table} came back, and others were written")
        self.rows += rows


def spaces_of(header: Header, slug: str) -> dict[Environment, int]:
    return {Environment(space): number for number, found, space in header.tenants if found == slug}
