"""Projects one document within a turn: merged state in, rows, rejects, conflicts and checkpoint written.

The projector and the rebuild call it with a turn that has the rows to itself. What it hands back is
remembered for the next time, after the turn has been committed: then only what changed is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ParamSpec, TypeVar

from store.fleet_contract import Checkpoint, FleetStore, LatestRule, Position, Target, Track, Turn, Vehicle
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.appended import TrackEnd, end_of_track, project_appended
from webhost_sync.fleet.arrivals import arrivals_of_rows
from webhost_sync.fleet.geofence_rows import GEOFENCES, project_geofences
from webhost_sync.fleet.gone import siblings
from webhost_sync.fleet.names import FreeDocument, TableDocument, TrackDocument, parse_name
from webhost_sync.fleet.ownership import keep_arrivals, settle
from webhost_sync.fleet.projection import VEHICLES, project_table, project_track
from webhost_sync.fleet.quality import PositionFlag
from webhost_sync.fleet.records import (
    conflict_record,
    geofence_record,
    lost_record,
    position_record,
    reject_record,
    vehicle_record,
)
from webhost_sync.fleet.replicas import HEAP_PER_BYTE, Replica, Replicas
from webhost_sync.fleet.rows import PositionRow, ProjectedTrack, Reject, reject
from webhost_sync.sync.update import RootKind

NEVER_LATEST = PositionFlag.NOT_VALID | PositionFlag.ZERO_ISLAND | PositionFlag.IMPOSSIBLE_JUMP
"""A vehicle is not shown where it can't be; after a stray fix it is one fix late."""

LARGE = 64 * 1024
"""A document of more bytes than this is projected in a thread, so that the event loop goes on."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Memory:
    """What was written at `checkpoint`: a table's rows, or where a track ends."""

    checkpoint: Checkpoint
    vehicles: dict[str, Vehicle]
    rejects: tuple[Reject, ...] = ()
    end: TrackEnd | None = None


class DocumentProjection:
    """Projects documents one after the other.

    Invariants:
    1. The rows of a document are those of its merged state at the seq of its checkpoint.
    2. What is written doesn't depend on how often or when the document was projected before.
    """

    def __init__(
        self,
        fleet: FleetStore,
        replicas: Replicas[Memory],
        future_tolerance: float,
        *,
        makes_months: bool = True,
    ) -> None:
        """`future_tolerance`: seconds that a fix may lie after its receipt and still be the latest.

        Without `makes_months`, turns may be about many documents, and partitions must be there.
        """
        self._fleet = fleet
        self._makes_months = makes_months
        self._replicas = replicas
        self.latest_rule = LatestRule(int(NEVER_LATEST), timedelta(seconds=future_tolerance))

    async def project(self, turn: Turn, target: Target) -> Memory | None:
        """Write what the document's rows are now. The result belongs to the replica once it is committed.

        Raises: StoreError, SyncError; then the turn must not be committed.
        """
        try:
            document = parse_name(target.name)
        except InvalidRequest as error:
            document = FreeDocument(target.name, str(error))
        match document:
            case TrackDocument():
                return await self._project_track(turn, target, document)
            case TableDocument(table) if table == VEHICLES:
                return await self._project_vehicles(turn, target, document)
            case TableDocument(table) if table == GEOFENCES:
                return await self._project_geofences(turn, target)
            case FreeDocument(misfit=str(misfit)):
                rejects = (reject_record(reject(("name",), misfit, target.name)),)
                await turn.put_rejects(target.document_id, rejects, seq=target.head_seq)
        await turn.put_checkpoint(target.document_id, Checkpoint(target.head_seq, target.epoch))
        return None

    def remember(self, target: Target, memory: Memory) -> None:
        """Keep what was committed for the next time."""
        self._replicas.remember(target.document_id, memory)

    async def _project_vehicles(self, turn: Turn, target: Target, document: TableDocument) -> Memory:
        replica = await self._replicas.at_head(target)
        before = _memory(replica, target)
        meta = replica.document.root("meta", RootKind.MAP)
        stored = replica.document.root("rows", RootKind.MAP)
        is_large = replica.size > LARGE * HEAP_PER_BYTE
        projected = await _aside(is_large, project_table, document, stored, meta)
        rows = {row.id: vehicle_record(row) for row in projected.rows}
        if before is None:
            await turn.put_vehicles(target.document_id, list(rows.values()), None)
        else:
            changed = [row for row in rows.values() if before.vehicles.get(row.id) != row]
            await turn.put_vehicles(target.document_id, changed, before.vehicles.keys() - rows.keys())
        if before is None or before.rejects != projected.rejects:
            rejects = [reject_record(rejected) for rejected in projected.rejects]
            await turn.put_rejects(target.document_id, rejects, seq=replica.checkpoint.seq)
        await turn.put_checkpoint(target.document_id, replica.checkpoint)
        return Memory(replica.checkpoint, rows, projected.rejects)

    async def _project_geofences(self, turn: Turn, target: Target) -> Memory:
        replica = await self._replicas.at_head(target)
        meta = replica.document.root("meta", RootKind.MAP)
        projected = project_geofences(replica.document.root("rows", RootKind.MAP), meta)
        rejects = [reject_record(rejected) for rejected in projected.rejects]
        await turn.put_rejects(target.document_id, rejects, seq=replica.checkpoint.seq)
        await turn.put_geofences(target.document_id, [geofence_record(row) for row in projected.rows])
        await turn.put_checkpoint(target.document_id, replica.checkpoint)
        return Memory(replica.checkpoint, {})

    async def _project_track(self, turn: Turn, target: Target, document: TrackDocument) -> Memory:
        replica = await self._replicas.at_head(target)
        chunks = replica.document.root("chunks", RootKind.ARRAY)
        meta = replica.document.root("meta", RootKind.MAP)
        assert isinstance(chunks, list)  # whatever the root holds, it was read as an array
        self._replicas.find(replica, chunks)
        track = Track(document.vehicle, document.device)
        before = _memory(replica, target)
        if before is not None and before.end is not None:
            rows = project_appended(document, before.end, chunks, meta)
            new = chunks[len(before.end.chunks) :]
            if rows is not None and await self._append(turn, target, track, replica, new, rows):
                end = _extended(before.end, chunks, meta, rows)
                return Memory(replica.checkpoint, {}, end=end)
        is_large = sum(len(chunk) for chunk in chunks if isinstance(chunk, bytes)) > LARGE
        projected = await _aside(is_large, project_track, document, chunks, meta)
        await self._write_whole(turn, target, track, replica, chunks, projected)
        return Memory(replica.checkpoint, {}, end=end_of_track(chunks, meta, projected.rows))

    async def _append(
        self,
        turn: Turn,
        target: Target,
        track: Track,
        replica: Replica[Memory],
        chunks: Sequence[object],
        rows: Sequence[PositionRow],
    ) -> bool:
        """Add rows that follow on all others; False, having written nothing, where that is not enough."""
        if rows:
            arrivals = arrivals_of_rows(rows, chunks, replica.arrivals)
            records = [position_record(row, found) for row in rows if (found := arrivals[row.sequence])]
            if len(records) < len(rows):
                return False
            await self._ensure_months(records)
            if await turn.hold_any(track, first=rows[0].sequence, last=rows[-1].sequence):
                return False
            await turn.put_positions(target.document_id, track, records)
            first = min(row.time for row in rows)
            await turn.put_latest([track.vehicle_id], self.latest_rule, since=first)
            await turn.note_moved([track.vehicle_id], since=first)
        await turn.put_checkpoint(target.document_id, replica.checkpoint)
        return True

    async def _write_whole(
        self,
        turn: Turn,
        target: Target,
        track: Track,
        replica: Replica[Memory],
        chunks: Sequence[object],
        projected: ProjectedTrack,
    ) -> None:
        """Make the document's rows those that were projected, and write those alone that differ."""
        document_id, name = target.document_id, target.name
        records, unsure = _records(projected.rows, chunks, replica)
        await self._ensure_months(records)
        found = await turn.find_positions(track, records)
        prefix, suffix = siblings(track)
        rows = keep_arrivals(document_id, records, found, unsure)
        settled = settle(document_id, name, (prefix, suffix), rows, found)
        gone = await turn.keep_positions(document_id, track, settled.kept)
        await turn.put_positions(document_id, track, settled.changed, taken=settled.taken)
        await turn.put_latest([track.vehicle_id], self.latest_rule)
        conflicts = [conflict_record(conflict) for conflict in projected.conflicts]
        conflicts += map(lost_record, settled.conflicts)
        distinct = {(row.sequence, row.content_hash): row for row in conflicts}
        await turn.put_conflicts(document_id, track, list(distinct.values()))
        rejects = [reject_record(rejected) for rejected in projected.rejects]
        await turn.put_rejects(document_id, rejects, seq=replica.checkpoint.seq)
        if gone or settled.is_disturbing:
            await turn.drop_checkpoints(prefix=prefix, suffix=suffix, but=document_id)
        if gone or settled.taken:
            await turn.note_moved([track.vehicle_id], since=None)
        elif settled.changed:
            await turn.note_moved([track.vehicle_id], since=min(row.time for row in settled.changed))
        await turn.put_checkpoint(document_id, replica.checkpoint)

    async def _ensure_months(self, rows: Sequence[Position]) -> None:
        if self._makes_months:
            await self._fleet.ensure_months(row.time for row in rows)


def _memory(replica: Replica[Memory], target: Target) -> Memory | None:
    """What is remembered of the document, unless another process has projected it since."""
    memory = replica.memory
    return memory if memory is not None and memory.checkpoint == target.checkpoint else None


async def _aside(
    is_large: bool,
    function: Callable[Arguments, Result],
    *arguments: Arguments.args,
    **options: Arguments.kwargs,
) -> Result:
    """Call a pure function, in a thread where it may take long."""
    if is_large:
        return await asyncio.to_thread(function, *arguments, **options)
    return function(*arguments, **options)


def _records(
    rows: Sequence[PositionRow], chunks: Sequence[object], replica: Replica[Memory]
) -> tuple[list[Position], frozenset[int]]:
    """Rows with the log rows that brought them, and the sequences of those whose log is gone."""
    if not rows:
        return [], frozenset()
    oldest = replica.oldest
    assert oldest is not None  # a document with chunks has a row or a snapshot
    arrivals = arrivals_of_rows(rows, chunks, replica.arrivals)
    unsure = frozenset(sequence for sequence, arrival in arrivals.items() if arrival is None)
    return [position_record(row, arrivals[row.sequence] or oldest) for row in rows], unsure


def _extended(
    before: TrackEnd, chunks: Sequence[object], meta: object, rows: Sequence[PositionRow]
) -> TrackEnd | None:
    if rows:
        return end_of_track(chunks, meta, rows)
    return replace(before, chunks=tuple(chunks))
