"""What the rest of the program may ask of the store: frozen records, and protocols whose every
method is one transaction and states its guarantee.

From here nobody sees a table, a connection or a driver. The store never looks inside an update:
payloads, states and state vectors are opaque bytes to it.

Errors, all of them children of `StoreError`:

    StoreError
    ├── Unavailable        no answer from Postgres; nothing is known of the last write
    ├── SchemaOutdated     the schema is older or newer than this program
    ├── UnknownDocument    no such document (or it is deleted)
    ├── EpochMismatch      the document was made anew since it was opened
    ├── Quarantined        the document takes no writes
    ├── NotStorable        Postgres refuses a value, e.g. a NUL in a text; trying again is no use
    ├── Trimmed            rows that were asked for are covered by a snapshot and gone
    └── CorruptDocument    a row of the log or a snapshot failed its checksum
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from store.refusals import Refusal


class StoreError(Exception):
    """The store can't do what was asked."""


class Unavailable(StoreError):
    """Postgres did not answer, or the connection broke; the last write may or may not have happened.

    Where it was the attempt to connect that failed, `refusal` says why.
    """

    def __init__(self, message: str = "", refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class SchemaOutdated(StoreError):
    """The schema in the database is not the one that this program was written for."""


class UnknownDocument(StoreError):
    """There is no such document, or it is deleted."""


class EpochMismatch(StoreError):
    """The document was made anew since it was opened; its older replicas must not write to it."""


class Quarantined(StoreError):
    """The document takes no writes until an admin releases it."""


class NotStorable(StoreError):
    """Postgres refuses a value that it was given; nothing was written, and trying again is no use."""


class Trimmed(StoreError):
    """Rows that were asked for are gone, since snapshots cover them; load, or read from `first_seq` on."""

    def __init__(self, document_id: int, after_seq: int, first_seq: int) -> None:
        super().__init__(
            f"document {document_id}: the log after {after_seq} was trimmed up to {first_seq - 1}"
        )
        self.document_id = document_id
        self.first_seq = first_seq


class CorruptDocument(StoreError):
    """A stored row is damaged. Carries which one, so that it can be put aside."""

    def __init__(self, document_id: int, seq: int, part: str, reason: str) -> None:
        super().__init__(f"document {document_id}: {part} {seq} is damaged: {reason}")
        self.document_id = document_id
        self.seq = seq
        self.part = part
        self.reason = reason


class Environment(StrEnum):
    """A customer has one tenant of each, so that a test key can never touch live data."""

    LIVE = "live"
    TEST = "test"


class DocumentState(StrEnum):
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Tenant:
    id: int
    slug: str
    name: str
    environment: Environment
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key: never the key itself, only its first characters and its SHA-256."""

    id: UUID
    tenant_id: int
    environment: Environment
    name: str
    prefix: str
    scopes: tuple[str, ...]
    documents: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Document:
    """One row of `documents`. `head_seq` is 0 before the first update; sequences start at 1."""

    id: int
    tenant_id: int
    name: str
    epoch: UUID
    state: DocumentState
    reason: str | None
    head_seq: int
    snapshot_seq: int
    log_rows: int
    log_bytes: int
    created_at: datetime
    updated_at: datetime
    demands_epoch: bool = False
    """Its history was begun anew: a replica that doesn't say which one it belongs to is refused."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What may have changed of a document while it was open."""

    epoch: UUID
    state: DocumentState


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """What one writer contributed to one commit. `payload` is a Yjs V1 update, opaque here."""

    payload: bytes
    actor: str
    device: str = ""
    client_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    seq: int
    payload: bytes
    actor: str
    device: str
    client_ids: tuple[int, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The merged state of a document up to and including `seq`."""

    seq: int
    state: bytes
    state_vector: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Everything that is needed to rebuild a document: apply `snapshot`, then `updates` in order.

    `updates` starts right after the snapshot (at 1 without one) and has no gap up to
    `document.head_seq`.
    """

    document: Document
    snapshot: Snapshot | None
    updates: tuple[LoggedUpdate, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """The sequences that one append was given: `first_seq` to `last_seq`, both included."""

    first_seq: int
    last_seq: int
    committed_at: datetime


class UpdateLog(Protocol):
    """The append-only log of every document. The tenant is always the first argument."""

    async def open(self, tenant_id: int, name: str, *, create: bool) -> Document:
        """Find the document of that name; with `create` make it (and its epoch) where it is missing.

        Two callers at once get the same document. A name whose document was deleted for good is made anew
        by `Lifecycle.create` only: here a late replica would bring back what was deleted.
        Raises: UnknownDocument (missing and not `create`, or deleted), Unavailable.
        """
        ...

    async def standing(self, tenant_id: int, document_ids: Collection[int]) -> Mapping[int, Standing]:
        """What those of the documents are now that there still are, deleted ones too. Raises: Unavailable."""
        ...

    async def load(self, tenant_id: int, document_id: int) -> StoredDocument:
        """Read newest valid snapshot and tail from one consistent view, all or nothing.

        A snapshot that fails its checksum is passed over for the one before it and its longer tail.
        Raises: CorruptDocument (a row fails its checksum or is missing), UnknownDocument, Unavailable.
        """
        ...

    async def load_from(self, tenant_id: int, document_id: int, *, snapshot_seq: int) -> StoredDocument:
        """As `load`, but from the snapshot at exactly this seq, or from the first row for 0.

        So a snapshot can be held against the one before it and the rows between, before they go.
        Raises: as `load`; CorruptDocument also where that snapshot is missing, or a row after it.
        """
        ...

    async def load_readable(self, tenant_id: int, document_id: int) -> StoredDocument:
        """What can still be read of a damaged document: `load`, passing over every row and snapshot
        that fails its checksum, so that `updates` may have holes. Only to be shown, never to be stored.

        Raises: UnknownDocument, Unavailable.
        """
        ...

    async def read(
        self, tenant_id: int, document_id: int, *, after_seq: int, limit: int = 1000, size: int | None = None
    ) -> tuple[LoggedUpdate, ...]:
        """Rows from `after_seq` + 1 on, in order, without gaps, at most `limit`; none of an unknown document.
        With `size`, none after the one with which their payloads reach so many bytes.

        Raises: Trimmed (the first of them are gone), CorruptDocument, Unavailable.
        """
        ...

    async def append(
        self, tenant_id: int, document_id: int, updates: Sequence[NewUpdate], *, epoch: UUID
    ) -> Committed:
        """Append in the given order and return only after Postgres has committed.

        Sequences are dense per document. Callers that wait at the same time share one transaction
        (group commit), whatever their documents and tenants; one that can't be appended fails alone.
        A caller that is cancelled doesn't take back what it has handed over.
        Raises: EpochMismatch, Quarantined, UnknownDocument, NotStorable: nothing was appended.
        Unavailable: it is unknown whether it was; compare the log's tail before trying again.
        """
        ...

    async def write_snapshot(
        self,
        tenant_id: int,
        document_id: int,
        *,
        seq: int,
        state: bytes,
        state_vector: bytes,
        epoch: UUID | None = None,
    ) -> None:
        """Keep the merged state of all updates up to `seq`. A valid one that is there already stays.

        With `epoch`, that of the document whose state it is, one of a history that was erased is never kept.
        Raises: EpochMismatch, Quarantined, UnknownDocument, Unavailable; ValueError where the log doesn't
        reach `seq`.
        """
        ...

    async def trim(
        self, tenant_id: int, document_id: int, *, keep_since: datetime | None, up_to: int | None = None
    ) -> int:
        """Delete log rows that two valid snapshots cover, and snapshots of which nobody needs so many.

        Never deletes a row newer than the older of the two newest snapshots, nor one above `up_to`, nor
        one received at or after `keep_since`, nor one that follows on such a row. Of the snapshots before
        those two stay, some thousand rows apart, those from which the kept rows lead on. Returns how
        many rows went.
        Raises: CorruptDocument (one of the two fails its checksum), Quarantined, UnknownDocument,
        Unavailable: nothing was deleted.
        """
        ...

    async def snapshots(
        self, tenant_id: int, document_id: int, *, limit: int | None = None
    ) -> tuple[Snapshot, ...]:
        """The valid snapshots, newest first; `limit` of them at most."""
        ...

    async def quarantine(self, tenant_id: int, document_id: int, *, reason: str, seq: int | None) -> None:
        """Make the document read-only; a copy of row `seq`, if given, is put aside. Deletes nothing.

        One that is in quarantine already keeps its reason. `Lifecycle.release` lets it out.

        Raises: UnknownDocument, Unavailable.
        """
        ...

    async def documents(
        self, tenant_id: int, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> tuple[Document, ...]:
        """Documents that aren't deleted, those whose name starts with `prefix` and sorts after `after`.

        In the order of the names' UTF-8 bytes, at most `limit`: the next page is after the last name.
        """
        ...

    async def ping(self) -> None:
        """Ask Postgres something small. Raises: Unavailable."""
        ...
