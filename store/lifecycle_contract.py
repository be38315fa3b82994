"""What the life of documents may ask of the store: `store.contract` goes on here, with its errors and rules.

    StoreError
    ├── NameTaken   the name belongs to a deleted document that can still be brought back
    └── Moved       the document was written to meanwhile; nothing was changed

Whatever is done here leaves an event that stays for ever, and tells every process after its commit, so that
no room goes on with what the document was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from store.audit import Deed
from store.contract import Document, LoggedUpdate, Snapshot, StoreError


class NameTaken(StoreError):
    """The name belongs to a document that is deleted and can be brought back; purge that one first."""


class Moved(StoreError):
    """The document was written to, or begun anew, since it was read; nothing was changed."""


class Action(StrEnum):
    """What was done to a document, in its events."""

    CREATED = "created"
    """Made anew under the name of one that was purged."""
    DELETED = "deleted"
    BROUGHT_BACK = "brought_back"
    PURGED = "purged"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    ERASED = "erased"
    EPOCH_CHANGED = "epoch_changed"
    RESTORED = "restored"
    """Put back from a backup with its whole log, in place of what there was, or where there was nothing."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deleted document. `purge_at` is until when it can be brought back."""

    id: int
    name: str
    epoch: UUID
    head_seq: int
    log_bytes: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime
    deleted_by: str
    purge_at: datetime


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of a document that was deleted for good."""

    document_id: int
    name: str
    epoch: UUID
    head_seq: int
    created_at: datetime
    deleted_at: datetime
    deleted_by: str
    purged_at: datetime
    purged_by: str


TombstoneKey = tuple[str, int]
"""Name and id: the order of tombstones."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done to the life of a document, for ever on record."""

    action: str
    actor: str
    at: datetime
    name: str
    document_id: int
    detail: dict[str, object] = field(default_factory=dict)


class Part(StrEnum):
    UPDATE = "update"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Damage:
    """A stored part that can't be read. Of one that is missing nothing is known but its `seq`.

    `at` is when it was stored; `checksum` is the one that was stored with it, `found` that of its bytes.
    """

    part: Part
    seq: int
    reason: str
    size: int | None = None
    checksum: int | None = None
    found: int | None = None
    actor: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A damaged part that was put aside, whole."""

    part: Part
    seq: int
    reason: str
    size: int
    checksum: int | None
    quarantined_at: datetime
    released_at: datetime | None
    released_by: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One consistent look at everything a document is loaded from.

    `snapshot` and `updates` are what can be read, `damages` what can't. A gap between the snapshot and the
    first row is a single damage, that of the snapshot which should cover it.
    """

    document: Document
    snapshot: Snapshot | None
    updates: tuple[LoggedUpdate, ...]
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class ErasedState:
    """What stands in place of a document's whole history up to `seq`, read under `epoch`."""

    seq: int
    epoch: UUID
    state: bytes
    state_vector: bytes


class Lifecycle(Protocol):
    """The tenant is always the first argument; `by` is who does it. Every method raises Unavailable too."""

    async def create(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, bool]:
        """Find the document of that name or make it, also where one of that name was purged; and whether it
        was made. One that follows on a purged one demands the epoch. Raises: NameTaken."""
        ...

    async def delete(self, tenant_id: int, name: str, *, by: Deed, retention: timedelta) -> Deletion:
        """Delete a document so that it can be brought back for as long as `retention`.

        From the commit on it is unknown to all others, and nothing more is appended to it. One that is
        deleted already is only due earlier, if so. Raises: UnknownDocument.
        """
        ...

    async def bring_back(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        """Undo `delete`; the document is exactly what it was. Raises: UnknownDocument (none is deleted)."""
        ...

    async def purge(self, tenant_id: int, document_id: int, *, by: Deed) -> Tombstone:
        """Delete a deleted document for good: everything goes in one transaction, and its tombstone stays.

        An append, snapshot or version that comes late finds no document. Raises: UnknownDocument (there is
        none, or it isn't deleted).
        """
        ...

    async def due(self, limit: int = 100) -> tuple[tuple[int, int], ...]:
        """Tenants and ids of deleted documents, of all tenants, whose time to be brought back is over."""
        ...

    async def deletions(
        self, tenant_id: int, patterns: Sequence[str], *, prefix: str, after: str | None, limit: int
    ) -> list[Deletion]:
        """Deleted documents that fit one of the patterns and begin with `prefix`, by name."""
        ...

    async def tombstones(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        *,
        prefix: str,
        after: TombstoneKey | None,
        limit: int,
    ) -> list[Tombstone]:
        """What stays of documents that were deleted for good, whose names fit one of the patterns and begin
        with `prefix`: by name, and of one name the older first."""
        ...

    async def events(self, tenant_id: int, document_id: int, *, limit: int) -> tuple[Event, ...]:
        """What was done to the document, newest first."""
        ...

    async def inspect(self, tenant_id: int, document_id: int) -> Inspection:
        """Raises: UnknownDocument."""
        ...

    async def aside(self, tenant_id: int, document_id: int) -> tuple[Aside, ...]:
        """The parts that were put aside, by seq."""
        ...

    async def release(
        self, tenant_id: int, document_id: int, damages: Sequence[Damage], *, by: Deed
    ) -> Document:
        """Let a document out of quarantine: in place of each damaged part stands one that says nothing, and
        the part itself is put aside whole. Raises: UnknownDocument, Moved (it is in no quarantine)."""
        ...

    async def renew(
        self, tenant_id: int, document_id: int, *, by: Deed, erased: ErasedState | None = None
    ) -> Document:
        """Give the document a new epoch, which from now on has to be named. With `erased` its log, snapshots,
        versions and what was put aside go too, all in one transaction, and that state stands for them.

        Raises: UnknownDocument, Quarantined (only with `erased`), Moved (it isn't what was read).
        """
        ...
