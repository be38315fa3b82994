"""What the projector may ask of the store: `store.contract` goes on here, with its errors and its rules.

Rows come in as records whose fields are columns; attributes are JSON text. The store writes what it is
given and answers what is there. Which row a document deserves is decided in `webhost_sync.fleet`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from store.geofence_contract import FenceTurn, Geofence


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The rows of a document are those of its merged state at exactly this seq of this epoch."""

    seq: int
    epoch: UUID


@dataclass(frozen=True, slots=True)
class Target:
    """A document that has rows, or may have. Without a `checkpoint` it is projected from scratch."""

    tenant_id: int
    document_id: int
    name: str
    epoch: UUID
    head_seq: int
    checkpoint: Checkpoint | None

    @property
    def is_behind(self) -> bool:
        return self.checkpoint != Checkpoint(self.head_seq, self.epoch)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A row of `vehicles`, but for tenant and document."""

    id: str
    name: str | None
    plate: str | None
    group: str | None
    driver: str | None
    status: str | None
    icon: str | None
    color: str | None
    odometer_m: float | None
    installed_at: datetime | None
    archived: bool | None
    attributes: str


@dataclass(frozen=True, slots=True)
class Track:
    """Whose positions a document holds."""

    vehicle_id: str
    device_id: str


@dataclass(frozen=True, slots=True)
class Position:
    """A row of `gps_positions`, but for tenant, track and document; `seq` is that of the log row that
    brought the fix, and `received_at` its time."""

    sequence: int
    time: datetime
    device_time: datetime | None
    latitude: float
    longitude: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    valid: bool | None
    flags: int
    attributes: str | None
    received_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class FoundPosition:
    """A row that is there for a sequence. `owner` is the name of its document, None where that is gone.

    `same_content` tells whether time, place and everything else that the device said are those that
    were looked for; flags, seq and `received_at` are not the device's words.
    """

    sequence: int
    time: datetime
    document_id: int
    owner: str | None
    same_content: bool
    flags: int
    received_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A row of `position_conflicts`, but for tenant, document and track; `content` is JSON text."""

    sequence: int
    content_hash: bytes
    reason: str
    content: str


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A row of `projection_rejects`, but for tenant, document and when it was seen."""

    path: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class RejectCount:
    document_id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LatestRule:
    """Which positions may be the latest: none with one of these flags, none from further in the future."""

    excluded_flags: int
    future_tolerance: timedelta


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """How far the rows are behind the documents of all tenants.

    `behind` counts active documents, `quarantined` those that wait for their release, `failing` those
    that couldn't be projected lately. `oldest` is when the oldest row of the log came that no projection
    of an active document has seen.
    """

    behind: int
    quarantined: int
    failing: int
    oldest: datetime | None


RowsKey = tuple[str, int]
"""A table, and the id of the document whose rows these are; 0 for the latest positions."""
RowsDigest = tuple[int, int]
"""How many rows there are, and the sum of their hashes."""


class Turn(Protocol):
    """One transaction in which nobody else writes the rows that it is about. Ends with all or nothing.

    Every method is about the tenant of the turn.
    Raises: Unavailable, NotStorable; then the whole turn has not happened.
    """

    async def put_vehicles(
        self, document_id: int, rows: Sequence[Vehicle], removed: Collection[str] | None
    ) -> int:
        """Write rows where they differ, and delete those of `removed`; None: all but `rows`.

        Returns how many rows were written or deleted.
        """
        ...

    async def hold_any(self, track: Track, *, first: int, last: int) -> bool:
        """Whether the table holds positions of this track with sequences from `first` to `last`."""
        ...

    async def find_positions(self, track: Track, rows: Sequence[Position]) -> tuple[FoundPosition, ...]:
        """The rows of any document that are there for these sequences."""
        ...

    async def keep_positions(self, document_id: int, track: Track, rows: Sequence[Position]) -> int:
        """Delete the document's rows but these. Returns how many went."""
        ...

    async def put_positions(
        self, document_id: int, track: Track, rows: Sequence[Position], *, taken: Collection[int] = ()
    ) -> None:
        """Write rows, in place of whatever row has the same key, after deleting all that have one of the
        sequences `taken`. Call `FleetStore.ensure_months` before the turn has touched any position."""
        ...

    async def put_conflicts(self, document_id: int, track: Track, rows: Sequence[ConflictRow]) -> None:
        """Make these the document's conflicts."""
        ...

    async def put_rejects(self, document_id: int, rows: Sequence[RejectRow], *, seq: int) -> None:
        """Make these the document's rejects. One that is there already keeps when it was first seen."""
        ...

    async def put_latest(
        self, vehicles: Sequence[str], rule: LatestRule, *, since: datetime | None = None
    ) -> None:
        """Choose the latest position of each vehicle anew: by time, then sequence, then device id.

        With `since`, only positions were added and none is earlier than that.
        """
        ...

    async def put_geofences(self, document_id: int, rows: Sequence[Geofence]) -> None:
        """Make these the document's fences; where one changes, all vehicles go through them anew."""
        ...

    async def note_moved(self, vehicles: Collection[str], *, since: datetime | None) -> None:
        """Have these vehicles go through the fences again from then on; None: from their first fix.

        The last thing that a turn does but for its checkpoint, so that nobody who waits for it waits long.
        """
        ...

    async def put_checkpoint(self, document_id: int, checkpoint: Checkpoint) -> None:
        """Say how far the document is projected, and forget earlier failures."""
        ...

    async def drop_checkpoints(self, *, prefix: str, suffix: str, but: int) -> None:
        """Have the documents with such names projected from scratch, that one apart."""
        ...


class TenantTurn(Turn, Protocol):
    """A turn that has every row of a tenant to itself."""

    async def targets(self, *, prefix: str, after: str, limit: int) -> tuple[Target, ...]:
        """Active documents whose names start with `prefix` and sort after `after`, by name."""
        ...

    async def clear_gone(self) -> tuple[Track, ...]:
        """Delete the rows of documents that are gone or deleted. Returns the tracks that lost positions."""
        ...

    async def digest(self) -> Mapping[RowsKey, RowsDigest]:
        """A fingerprint of the rows as they stand in this turn, by table and document."""
        ...

    async def vehicles_with_positions(self) -> tuple[str, ...]:
        """Vehicles that have a position, a latest position or an event."""
        ...


class FleetStore(Protocol):
    """The rows that follow from documents, of all tenants."""

    async def behind(
        self, *, documents: Collection[int] | None = None, limit: int = 1000
    ) -> tuple[Target, ...]:
        """Active documents that have rows and were changed since they were projected; among `documents`,
        if given. Those that failed a short while ago are left out."""
        ...

    async def tenants(self) -> tuple[int, ...]:
        """The tenants that have documents or rows."""
        ...

    async def tenants_with_gone(self) -> tuple[int, ...]:
        """The tenants that have rows of documents that are gone or deleted."""
        ...

    def turn(self, target: Target) -> AbstractAsyncContextManager[tuple[Turn, Target] | None]:
        """A turn for the document's rows, and the document as it is now; None while somebody else has one
        for the same vehicle or tenant, or when the document is gone."""
        ...

    def tenant_turn(self, tenant_id: int) -> AbstractAsyncContextManager[TenantTurn]:
        """A turn for all rows of a tenant; waits for the turns that have begun."""
        ...

    def free_tenant_turn(self, tenant_id: int) -> AbstractAsyncContextManager[TenantTurn | None]:
        """As `tenant_turn`, but None instead of waiting."""
        ...

    def fence_turn(self, rule: LatestRule) -> AbstractAsyncContextManager[FenceTurn | None]:
        """A vehicle that has to go through the fences of its tenant again; None where there is none, or
        others are at all of them. Fixes that the rule never shows as the latest are left out."""
        ...

    async def ensure_months(self, times: Iterable[datetime]) -> None:
        """Make the partitions that positions of these times belong to.

        Raises: Unavailable, also where a long transaction (a rebuild) is in the way.
        """
        ...

    async def put_failure(self, target: Target, reason: str) -> None:
        """Record that the document can't be projected; it is left out for a while, longer each time."""
        ...

    async def status(self) -> ProjectionStatus:
        """How far the rows are behind."""
        ...

    async def reject_counts(self, tenant_id: int) -> tuple[RejectCount, ...]:
        """How much of each document has no place in a row; documents without rejects are left out."""
        ...
