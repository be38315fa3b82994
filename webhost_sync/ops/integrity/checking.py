"""Checks one tenant's space after the other: logs, snapshots, and the rows that follow from documents.

In: the store. Out: problems, each with a remedy. A repair does only what can't lose anything: a snapshot is
put aside where the log does without it, a document with a damaged row becomes read-only, rows are made anew
from the documents. Knows no command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from store.contract import (
    Document,
    DocumentState,
    StoredDocument,
    StoreError,
    Tenant,
    UnknownDocument,
    UpdateLog,
)
from store.fleet_contract import FleetStore
from store.integrity import FOLLOWING, Integrity, Orphans, Scan
from store.lifecycle_contract import Damage, Part
from webhost_sync.config import Settings
from webhost_sync.errors import SyncError
from webhost_sync.fleet.rebuild import compare, rebuild
from webhost_sync.ops.integrity.problems import Kind, Problem
from webhost_sync.sync.compactor import fold, rows_between
from webhost_sync.sync.document import BrokenDocument
from webhost_sync.sync.rebuilding import find_unreadable

PAGE = 500
DIFFERS = "it isn't what the log says"
BY = "check"


@dataclass(frozen=True, slots=True)
class Step:
    """How far the check of one space is; `total` counts its documents."""

    done: int
    total: int


class Checker:
    """Every method raises Unavailable as well."""

    def __init__(
        self, integrity: Integrity, log: UpdateLog, fleet: FleetStore, settings: Settings, *, repairs: bool
    ) -> None:
        self._integrity = integrity
        self._log = log
        self._fleet = fleet
        self._settings = settings
        self._repairs = repairs

    async def check_space(
        self, tenant: Tenant, on_step: Callable[[Step], None] = lambda step: None
    ) -> list[Problem]:
        """Every document of a tenant's space, then the rows that follow from them."""
        documents = [document async for document in self._documents(tenant)]
        problems: list[Problem] = []
        for done, document in enumerate(documents):
            on_step(Step(done, len(documents)))
            try:
                problems += await self._check_document(tenant, document)
            except UnknownDocument:
                continue  # deleted meanwhile
        problems += await self._check_rows(tenant, {each.document for each in problems if not each.done})
        on_step(Step(len(documents), len(documents)))
        return problems

    async def check_orphans(self, tenants: Sequence[Tenant]) -> list[Problem]:
        """Rows of documents that aren't there. Raises: MissingPrivilege."""
        known = {tenant.id: tenant for tenant in tenants}
        return [
            _orphans(known[found.tenant_id], found)
            for found in await self._integrity.orphans()
            if found.tenant_id in known
        ]

    async def _documents(self, tenant: Tenant) -> AsyncIterator[Document]:
        after = ""
        while page := await self._log.documents(tenant.id, after=after, limit=PAGE):
            for document in page:
                yield document
            after = page[-1].name

    async def _check_document(self, tenant: Tenant, document: Document) -> list[Problem]:
        scan = await self._integrity.scan(tenant.id, document.id)
        damages = list(scan.damages)
        if not damages:
            damages += [*await self._unreadable(document), *await self._differing(document, scan)]
        return [await self._judge(tenant, document, scan, damage) for damage in damages]

    async def _unreadable(self, document: Document) -> list[Damage]:
        """What passes its checksum, and is no update all the same."""
        stored = await self._log.load(document.tenant_id, document.id)
        damage = await find_unreadable(stored)
        return [] if damage is None else [Damage(Part(damage.part), damage.seq, damage.reason)]

    async def _differing(self, document: Document, scan: Scan) -> list[Damage]:
        """Snapshots that aren't what the log gives, from the one before them on."""
        damages: list[Damage] = []
        for seq in scan.snapshots:
            basis = scan.leads_to(seq)
            if basis is not None and not await self._is_equal(document, basis, seq):
                damages.append(Damage(Part.SNAPSHOT, seq, DIFFERS))
        return damages

    async def _is_equal(self, document: Document, basis: int, seq: int) -> bool:
        of_basis = await self._log.load_from(document.tenant_id, document.id, snapshot_seq=basis)
        of_seq = await self._log.load_from(document.tenant_id, document.id, snapshot_seq=seq)
        rows = await rows_between(self._log, document, basis, seq)
        try:
            made = await asyncio.to_thread(fold, StoredDocument(document, of_basis.snapshot, rows))
            kept = await asyncio.to_thread(fold, StoredDocument(document, of_seq.snapshot, ()))
        except (SyncError, BrokenDocument):
            return False
        # A state that waits for its causes has no snapshot, and can't be compared.
        return made is None or (kept is not None and made.content == kept.content)

    async def _judge(self, tenant: Tenant, document: Document, scan: Scan, damage: Damage) -> Problem:
        """What is to be done about a damage; it is done, where that is safe and asked for."""
        name, what = document.name, f"{damage.part} {damage.seq}: {damage.reason}"
        release = f"webhost-sync document release {name} {_where(tenant)}"
        is_needless = damage.part is Part.SNAPSHOT and scan.leads_to(damage.seq) is not None
        if is_needless:
            problem = _problem(Kind.SNAPSHOT, tenant, name, what, "webhost-sync check --repair")
            if self._repairs:
                await self._integrity.put_snapshot_aside(
                    tenant.id, document.id, damage.seq, reason=damage.reason, by=BY
                )
                return replace(problem, remedy="", done="put aside; the log does without it")
            return problem
        kind = Kind.LOG if damage.part is Part.UPDATE else Kind.SNAPSHOT
        if document.state is DocumentState.QUARANTINED:
            return _problem(kind, tenant, name, f"{what} (in quarantine)", release)
        if self._repairs:
            seq = damage.seq if damage.part is Part.UPDATE else None
            await self._log.quarantine(tenant.id, document.id, reason=what, seq=seq)
            done = "put into quarantine: it can be read, and takes no writes"
            return replace(_problem(kind, tenant, name, what, release), done=done)
        return _problem(kind, tenant, name, what, "webhost-sync check --repair, or restore a backup")

    async def _check_rows(self, tenant: Tenant, doubtful: Collection[str]) -> list[Problem]:
        """What `doubtful` documents say is no measure for their rows."""
        try:
            found = await compare(self._fleet, self._log, self._settings, tenant_id=tenant.id)
        except (StoreError, SyncError) as error:
            if doubtful:
                return []  # what keeps it from being read is among the problems already
            what = f"can't be compared while a document can't be read: {error}"
            return [_problem(Kind.ROWS, tenant, "", what, "mend the documents first")]
        remedy = f"webhost-sync rebuild --tenant {tenant.slug}"
        problems = [
            _problem(
                Kind.ROWS,
                tenant,
                each.document,
                f"{each.table}: {each.found} rows; wanted: {_different(each.found, each.wanted)}",
                remedy,
            )
            for each in found
            if each.document not in doubtful and (each.document or not doubtful)
        ]
        if not problems or not self._repairs:
            return problems
        await rebuild(self._fleet, self._log, self._settings, tenant_id=tenant.id)
        return [replace(problem, remedy="", done="made anew from the documents") for problem in problems]


def _different(found: int, wanted: int) -> str:
    return f"{wanted}" if found != wanted else "other values"


def _orphans(tenant: Tenant, found: Orphans) -> Problem:
    what = f"{found.table}: rows of {found.documents} documents that aren't there"
    remedy = f"webhost-sync rebuild --tenant {tenant.slug}"
    if found.table not in FOLLOWING:
        remedy = f"look at the rows of tenant_id {tenant.id} in {found.table} before you delete any"
    return _problem(Kind.ORPHANS, tenant, "", what, remedy)


def _problem(kind: Kind, tenant: Tenant, document: str, what: str, remedy: str) -> Problem:
    return Problem(kind, tenant.slug, tenant.environment.value, document, what, remedy)


def _where(tenant: Tenant) -> str:
    return f"--tenant {tenant.slug}{' --test' if tenant.environment.value == 'test' else ''}"
