"""Makes the rows of a tenant anew from its documents, whatever stands in the tables.

One transaction for each tenant, which keeps projectors out: readers see the rows before it or after it,
never half of them. Every document is replayed and held against the tables column by column, and what
differs is written; so rows that were right stay where they are, and rows that were damaged, deleted or
added by hand become what the documents say. A position keeps the seq and time of its log row; where
that row was trimmed, those that stand in the table, else those of the snapshot.

A document in quarantine keeps its rows as they are. One that can't be read makes the rebuild of its
tenant fail, and nothing of it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from datetime import time as time_of_day
from enum import StrEnum

from store.contract import UpdateLog
from store.fleet_contract import FleetStore, Target, TenantTurn
from webhost_sync.config import MIB, Settings
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.document_projection import DocumentProjection, Memory
from webhost_sync.fleet.fence_events import go_through_fences
from webhost_sync.fleet.gone import clear_gone_of_tenant
from webhost_sync.fleet.names import TrackDocument, parse_name
from webhost_sync.fleet.replicas import Replicas

PAGE = 1000
CACHE_BYTES = 8 * MIB


class RebuiltTable(StrEnum):
    """What can be rebuilt by itself; positions include the latest ones and the conflicts."""

    VEHICLES = "vehicles"
    POSITIONS = "gps_positions"


_PREFIXES = {RebuiltTable.VEHICLES: "tables/", RebuiltTable.POSITIONS: "track/"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of a tenant's documents have been replayed. The rows are there after the last one."""

    tenant_id: int
    done: int
    total: int


async def rebuild(
    fleet: FleetStore,
    log: UpdateLog,
    settings: Settings,
    *,
    tenant_id: int | None = None,
    table: RebuiltTable | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> int:
    """Rebuild one tenant or all, one table or all; returns how many documents were replayed.

    Raises: StoreError, SyncError; the tenants before that one are rebuilt, it and the later ones are not.
    """
    prefixes = [_PREFIXES[each] for each in ([table] if table else RebuiltTable)]
    count = 0
    for each in [tenant_id] if tenant_id is not None else await fleet.tenants():
        async with fleet.tenant_turn(each) as turn:
            await _make_months(fleet, await _targets(turn, prefixes))
        async with (
            Replicas[Memory](log, CACHE_BYTES) as replicas,
            fleet.tenant_turn(each) as turn,
        ):
            projection = DocumentProjection(fleet, replicas, settings.future_tolerance, makes_months=False)
            count += await _rebuild_tenant(turn, projection, each, prefixes, on_progress)
        await go_through_fences(fleet, projection.latest_rule)
    return count


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one document in one table that are not what it says; `document` is empty for the latest
    positions, which belong to no single one. Counts are of rows."""

    table: str
    document: str
    found: int
    wanted: int


class _Undone(Exception):
    """Ends a turn in which nothing must be kept."""


async def compare(
    fleet: FleetStore,
    log: UpdateLog,
    settings: Settings,
    *,
    tenant_id: int,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Difference, ...]:
    """What a rebuild of a tenant would change; it is done, looked at, and rolled back.

    Documents that the projector hasn't reached yet, or that grow meanwhile, are behind and not wrong.
    Raises: as `rebuild`.
    """
    prefixes = list(_PREFIXES.values())
    found: list[Difference] = []
    try:
        async with Replicas[Memory](log, CACHE_BYTES) as replicas, fleet.tenant_turn(tenant_id) as turn:
            projection = DocumentProjection(fleet, replicas, settings.future_tolerance, makes_months=False)
            targets = await _targets(turn, prefixes)
            before = await turn.digest()
            await _rebuild_tenant(turn, projection, tenant_id, prefixes, on_progress)
            after, later = await turn.digest(), await _targets(turn, prefixes)
            heads = {target.document_id: target.head_seq for target in later}
            behind = {
                target.document_id
                for target in targets
                if target.is_behind or heads.get(target.document_id) != target.head_seq
            }
            names = {target.document_id: target.name for target in targets}
            for key in sorted(before.keys() | after.keys()):
                table, document_id = key
                is_late = bool(behind) if document_id == 0 else document_id in behind
                if before.get(key) != after.get(key) and not is_late:
                    name = names.get(document_id, "" if document_id == 0 else f"document {document_id}")
                    counts = before.get(key, (0, 0))[0], after.get(key, (0, 0))[0]
                    found.append(Difference(table, name, *counts))
            raise _Undone
    except _Undone:
        return tuple(found)


async def _rebuild_tenant(
    turn: TenantTurn,
    projection: DocumentProjection,
    tenant_id: int,
    prefixes: Sequence[str],
    on_progress: Callable[[Progress], None],
) -> int:
    await clear_gone_of_tenant(turn, projection.latest_rule)
    targets = await _targets(turn, prefixes)
    for done, target in enumerate(targets):
        on_progress(Progress(tenant_id, done, len(targets)))
        await projection.project(turn, replace(target, checkpoint=None))
    # Some took a position from one that had been replayed before, or left it one.
    while stale := [target for target in await _targets(turn, prefixes) if target.checkpoint is None]:
        for target in stale:
            await projection.project(turn, target)
    if _PREFIXES[RebuiltTable.POSITIONS] in prefixes:
        vehicles = await turn.vehicles_with_positions()
        await turn.put_latest(vehicles, projection.latest_rule)
        await turn.note_moved(vehicles, since=None)
    on_progress(Progress(tenant_id, len(targets), len(targets)))
    return len(targets)


async def _targets(turn: TenantTurn, prefixes: Sequence[str]) -> list[Target]:
    targets: list[Target] = []
    for prefix in prefixes:
        after = ""
        while page := await turn.targets(prefix=prefix, after=after, limit=PAGE):
            targets += page
            after = page[-1].name
    return targets


async def _make_months(fleet: FleetStore, targets: Sequence[Target]) -> None:
    """Partitions for the days of all tracks. Within the rebuild's transaction they would lock readers out,
    so a fix of another month, if it is the first of that month, goes to the default partition."""
    days = [document.day for target in targets if (document := _track(target)) is not None]
    noon = time_of_day(12, tzinfo=UTC)
    await fleet.ensure_months(datetime.combine(day, noon) for day in days)


def _track(target: Target) -> TrackDocument | None:
    try:
        document = parse_name(target.name)
    except InvalidRequest:
        return None
    return document if isinstance(document, TrackDocument) else None
