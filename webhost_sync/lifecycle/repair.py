"""Looks into damaged documents, and lets them go on without what is damaged.

Routes and commands ask. The store finds what fails its checksum or is missing; what passed it and is no
update all the same is found here, by reading as a room does. What is put aside stays, whole, for whoever can
mend it by hand. Knows no room: those of the document end by themselves, and load it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from store.audit import Deed
from store.contract import Document, DocumentState, StoredDocument, UnknownDocument, UpdateLog
from store.lifecycle_contract import Aside, Damage, Event, Inspection, Lifecycle, Moved, Part
from webhost_sync.errors import DocumentNotFound, InvalidRequest
from webhost_sync.sync.rebuilding import find_unreadable

logger = structlog.get_logger(__name__)
EVENTS = 100


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a document, what was put aside of it before, and what was done to it."""

    document: Document
    damages: tuple[Damage, ...]
    aside: tuple[Aside, ...]
    events: tuple[Event, ...]


class Repairer:
    """Every method raises Unavailable and DocumentNotFound as well."""

    def __init__(self, lifecycle: Lifecycle, log: UpdateLog) -> None:
        self._lifecycle = lifecycle
        self._log = log

    async def diagnose(self, tenant_id: int, name: str) -> Diagnosis:
        """Read everything the document is loaded from."""
        try:
            known = await self.known(tenant_id, name)
            found, damages = await self._damages(known.document)
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        return replace(known, document=found.document, damages=damages)

    async def known(self, tenant_id: int, name: str) -> Diagnosis:
        """What is on record, without reading the document: no damages."""
        try:
            record = await self._log.open(tenant_id, name, create=False)
            aside = await self._lifecycle.aside(tenant_id, record.id)
            events = await self._lifecycle.events(tenant_id, record.id, limit=EVENTS)
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        return Diagnosis(record, (), aside, events)

    async def release(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, tuple[Damage, ...]]:
        """Put aside what is damaged, and let the document go on; returns what was put aside.

        Whoever still has what is put aside brings it back by syncing, since it is the same epoch.
        Raises: InvalidRequest (it is in no quarantine).
        """
        try:
            record = await self._log.open(tenant_id, name, create=False)
            if record.state is not DocumentState.QUARANTINED:
                raise InvalidRequest(f"{name!r} is in no quarantine; there is nothing to release")
            _, damages = await self._damages(record)
            document = await self._lifecycle.release(tenant_id, record.id, damages, by=by)
        except Moved as error:
            raise InvalidRequest(f"{name!r} was released already") from error
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        parts = [f"{damage.part} {damage.seq}" for damage in damages]
        logger.warning("document released", tenant=tenant_id, document=name, by=by.actor, aside=parts)
        return document, damages

    async def _damages(self, record: Document) -> tuple[Inspection, tuple[Damage, ...]]:
        found = await self._lifecycle.inspect(record.tenant_id, record.id)
        more: list[Damage] = []
        stored = StoredDocument(found.document, found.snapshot, found.updates)
        while (damage := await find_unreadable(stored)) is not None:
            part = Part(damage.part)
            rows = [row for row in stored.updates if part is not Part.UPDATE or row.seq != damage.seq]
            if part is Part.UPDATE and len(rows) == len(stored.updates):
                raise InvalidRequest(f"{record.name!r} can't be read row by row: {damage.reason}")
            more.append(_described(damage.seq, part, damage.reason, stored))
            stored = replace(
                stored, snapshot=None if part is Part.SNAPSHOT else stored.snapshot, updates=tuple(rows)
            )
        return found, (*found.damages, *more)


def _described(seq: int, part: Part, reason: str, stored: StoredDocument) -> Damage:
    if part is Part.SNAPSHOT:
        assert stored.snapshot is not None
        return Damage(part, seq, reason, size=len(stored.snapshot.state), at=stored.snapshot.created_at)
    [row] = [row for row in stored.updates if row.seq == seq]
    return Damage(part, seq, reason, size=len(row.payload), actor=row.actor, at=row.received_at)
