"""What the history of documents may ask of the store: `store.contract` goes on here, with its errors and
its rules.

    StoreError
    ├── Forgotten       the log doesn't reach so far back any more
    └── UnknownVersion  no such version of this document

Documents are looked up by `UpdateLog.open`; what is asked here about one that is deleted raises
UnknownDocument.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from store.contract import LoggedUpdate, StoreError


@dataclass(frozen=True, slots=True)
class Span:
    """How far back every state of a document can be made: those from `first_seq` on, to `head_seq`.

    `first_at` is when the document came to the first of them; seq 0 is a document before its first update.
    Of what was before there may be versions.
    """

    first_seq: int
    first_at: datetime
    head_seq: int


class Forgotten(StoreError):
    """The state that was asked for isn't kept any more; `span` says which are."""

    def __init__(self, document_id: int, span: Span) -> None:
        super().__init__(f"document {document_id}: every state is kept from {span.first_seq} on")
        self.span = span


class UnknownVersion(StoreError):
    """There is no such version of this document; it may have been too old to be kept."""


class VersionKind(StrEnum):
    NAMED = "named"
    """Somebody gave it a name; kept for ever."""
    SAFETY = "safety"
    """Made by itself before something was restored, so that this can be taken back."""
    AUTOMATIC = "automatic"
    """The last state of an hour or day whose log rows are gone."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """The whole state of a document at `seq`, to be kept. `at` is when it came to that state.

    An inexact one (something waits for its causes) shows that seq, but nothing can be built on it. With
    `epoch`, that of the document whose state it is, one of a history that was erased is never kept.
    """

    seq: int
    kind: VersionKind
    name: str
    actor: str
    at: datetime
    state: bytes
    is_exact: bool = True
    epoch: UUID | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its state, which is `size` bytes."""

    id: UUID
    seq: int
    kind: VersionKind
    name: str
    actor: str
    at: datetime
    size: int
    created_at: datetime


VersionKey = tuple[int, datetime, UUID]
"""Seq, time of making and id: the order of a document's versions."""


@dataclass(frozen=True, slots=True)
class Material:
    """What makes a state: `updates` in order upon `state`, which is that of `after_seq`.

    `updates` are a page: where they end before the seq that was asked for, make the state that they come
    to, and ask again with it.
    `state` is None where it is that of an empty document, or one that the asker has. One that isn't
    exact is that of an inexact version.
    """

    state: bytes | None
    after_seq: int
    updates: tuple[LoggedUpdate, ...]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Activity:
    """What one writer did in one go. Rows of others may lie between its first and its last one."""

    actor: str
    device: str
    first_seq: int
    last_seq: int
    started_at: datetime
    ended_at: datetime
    updates: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which activities are wanted; None means any. Those that have any row at `start` or later and before
    `end`; `actor` and `device` are exactly theirs."""

    actor: str | None = None
    device: str | None = None
    start: datetime | None = None
    end: datetime | None = None


ALL_ACTIVITIES = ActivityFilter()


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the rows of one part of the log one writer made, and when the last of them was received.
    Parts are numbered from 0."""

    actor: str
    device: str
    part: int
    updates: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A seq, and when its row was received."""

    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Thinnable:
    """What of a document is old enough to be thinned.

    `hours` is the last row of each hour (UTC) in which there was any; `up_to` the last row of all of them.
    """

    up_to: int
    hours: tuple[Moment, ...]
    versions: tuple[Version, ...]


class History(Protocol):
    """The past of every document. The tenant is always the first argument."""

    async def span(self, tenant_id: int, document_id: int) -> Span:
        """Raises: UnknownDocument, Unavailable."""
        ...

    async def moment(self, tenant_id: int, document_id: int, seq: int) -> Moment:
        """When the document came to this state, as well as is known. Raises: as `span`."""
        ...

    async def seq_at(self, tenant_id: int, document_id: int, time: datetime) -> int:
        """The last seq, of a row or version that is kept, at or before a time; 0 before the first row.

        Raises: Forgotten (whatever there was at that time is not kept), UnknownDocument, Unavailable.
        """
        ...

    async def material(
        self, tenant_id: int, document_id: int, *, seq: int, have: int | None = None
    ) -> Material:
        """What makes the state at `seq`, from one consistent view: the newest valid snapshot or version
        that rows lead on from, and a page of these rows; from `have`, a state that the asker has, if that
        is newer.

        Raises: Forgotten, CorruptDocument (a row fails its checksum or is missing), UnknownDocument,
        Unavailable; ValueError above the document's head.
        """
        ...

    async def activities(
        self,
        tenant_id: int,
        document_id: int,
        *,
        up_to: int,
        before: int | None,
        limit: int,
        wanted: ActivityFilter = ALL_ACTIVITIES,
    ) -> tuple[Activity, ...]:
        """What was done in the rows up to `up_to`, by writer, newest end first: those that end before seq
        `before`, at most `limit`. What is wanted changes none of them: an activity that reaches beyond
        `start` or `end` is there as a whole.

        A writer is an actor with a device. Their rows belong together as long as no pause is longer than
        60 s; every 10 minutes from the first row on, a new activity begins.
        Raises: UnknownDocument, Unavailable.
        """
        ...

    async def shares(
        self, tenant_id: int, document_id: int, *, first: int, last: int, parts: int
    ) -> tuple[Share, ...]:
        """Who made the rows `first` to `last`, which are cut into so many parts of one length: each part's
        writers in no order; a writer without a row in a part isn't there. Raises: UnknownDocument,
        Unavailable.
        """
        ...

    async def payloads(
        self, tenant_id: int, document_id: int, activities: Sequence[Activity], *, limit: int, size: int
    ) -> tuple[tuple[bytes, ...], ...]:
        """The first updates of each activity, at most `limit` of each; of all of them, in the order of the
        activities, no more after the one that reaches `size` bytes. Raises: Unavailable."""
        ...

    async def add_version(self, tenant_id: int, document_id: int, version: NewVersion) -> Version:
        """Keep a version, for good once this returns. An automatic one that is there already stays.

        Raises: UnknownDocument, EpochMismatch, NotStorable, Unavailable; ValueError above the head.
        """
        ...

    async def versions(
        self, tenant_id: int, document_id: int, *, before: VersionKey | None, limit: int
    ) -> list[Version]:
        """Versions, newest state first: those below `before`, at most `limit`. Raises: as `span`."""
        ...

    async def version(self, tenant_id: int, document_id: int, version_id: UUID) -> Version:
        """Raises: UnknownVersion, UnknownDocument, Unavailable."""
        ...

    async def remove_versions(self, tenant_id: int, document_id: int, version_ids: Collection[UUID]) -> None:
        """Forget these versions, all or none. Raises: Unavailable."""
        ...

    async def thinnable(self, tenant_id: int, document_id: int, *, older_than: datetime) -> Thinnable:
        """What lies before a time, and is covered by two snapshots. Raises: UnknownDocument, Unavailable."""
        ...
