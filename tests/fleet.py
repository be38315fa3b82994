"""Writers of fleet documents, and the tables as a whole.

A `Writer` makes Yjs updates as a device or an app would, to be appended to the log in any order; `tables`
reads every row that a projection writes, so that two databases, or two moments, can be compared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pycrdt import Array, Doc, Map

from store.contract import Document
from store.fleet import Announcer, PostgresFleet
from tests.store.logs import OpenLog, open_log, superuser
from webhost_sync.config import Settings
from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.fleet.projector import Projector

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
"""A day whose fixes are never from the future."""

Rows = list[tuple[Any, ...]]

TABLES = {
    "vehicles": "select * from vehicles order by tenant_id, id",
    # When a position was written, and so its version, depends on what came before it.
    "gps_positions": "select vehicle_id, device_id, sequence, time, device_time, received_at, latitude,"
    " longitude, altitude_m, speed_mps, heading_deg, accuracy_m, valid, flags, attributes, document_id, seq,"
    " tenant_id from gps_positions order by tenant_id, vehicle_id, device_id, sequence, time",
    "latest_positions": "select * from latest_positions order by tenant_id, vehicle_id",
    "position_conflicts": "select * from position_conflicts order by 1, 2, 3, 4, 5, 6",
    # When a reject was first seen depends on when it was looked for.
    "projection_rejects": "select tenant_id, document_id, path, reason, value from projection_rejects"
    " order by 1, 2, 3",
    # Since when a fence has its shape depends on when it was looked at.
    "geofences": "select tenant_id, id, name, kind, center_latitude, center_longitude, radius_m, points,"
    " color, note, attributes, document_id from geofences order by tenant_id, id",
    "geofence_events": "select * from geofence_events order by 1, 2, 3, 4",
    "projection_checkpoints": "select tenant_id, document_id, seq, epoch from projection_checkpoints"
    " order by 1, 2",
}


def track_name(vehicle: str = "bus-7", device: str = "box", day: datetime = TODAY) -> str:
    return f"track/{vehicle}/{day.date().isoformat()}/{device}"


def fix(sequence: int, seconds: float | None = None, *, day: datetime = TODAY, **changed: Any) -> Fix:
    """A fix of an ordinary drive, `seconds` (default: its sequence) after the start of the day."""
    offset = sequence if seconds is None else seconds
    fields: dict[str, Any] = {
        "latitude": 48.1 + sequence / 1e5,
        "longitude": 11.5,
        "speed_mps": 10.0,
        **changed,
    }
    return Fix(sequence, milliseconds_from_time(day) + int(1000 * offset), **fields)


def fixes(first: int, count: int) -> list[Fix]:
    return [fix(sequence) for sequence in range(first, first + count)]


class Writer:
    """A replica that writes; each method gives the update that it made."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self._updates: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self._updates.append(event.update))

    def chunk(self, *points: Fix) -> bytes:
        return self.raw_chunk(encode_chunk(points))

    def raw_chunk(self, chunk: object) -> bytes:
        self.doc.get("chunks", type=Array).append(chunk)
        return self._updates[-1]

    def remove_chunk(self, index: int) -> bytes:
        del self.doc.get("chunks", type=Array)[index]
        return self._updates[-1]

    def row(self, key: str, fields: Mapping[str, object]) -> bytes:
        self.doc.get("rows", type=Map)[key] = Map(dict(fields))
        return self._updates[-1]

    def field(self, key: str, name: str, value: object) -> bytes:
        self.doc.get("rows", type=Map)[key][name] = value
        return self._updates[-1]

    def remove_row(self, key: str) -> bytes:
        del self.doc.get("rows", type=Map)[key]
        return self._updates[-1]

    def chunk_count(self) -> int:
        return len(self.doc.get("chunks", type=Array))

    def row_keys(self) -> list[str]:
        return list(self.doc.get("rows", type=Map))

    def take(self, *updates: bytes) -> None:
        for update in updates:
            self.doc.apply_update(update)


@dataclass
class Fleet:
    """A process with a log, the fleet's tables and a projector."""

    store: OpenLog
    fleet: PostgresFleet
    projector: Projector
    url: str
    documents: dict[tuple[int, str], Document] = field(default_factory=dict)

    async def append(self, name: str, *updates: bytes, tenant_id: int = 1) -> Document:
        key = (tenant_id, name)
        if key not in self.documents:
            self.documents[key] = await self.store.document(name, tenant_id)
        if updates:
            await self.store.append(self.documents[key], *updates)
        return self.documents[key]

    async def project(self, name: str, *updates: bytes, tenant_id: int = 1) -> Document:
        document = await self.append(name, *updates, tenant_id=tenant_id)
        await self.projector.catch_up()
        return document

    async def execute(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        async with superuser(self.url) as connection:
            rows: Sequence[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows

    async def value(self, question: str, *arguments: object) -> Any:
        return (await self.execute(question, *arguments))[0][0]

    async def tables(self) -> dict[str, Rows]:
        return await tables(self.url)


@asynccontextmanager
async def open_fleet(
    url: str, *, cache_bytes: int = 1 << 24, announcer: Announcer | None = None, **changed: object
) -> AsyncIterator[Fleet]:
    settings = Settings().model_copy(update=changed)
    async with open_log(url) as store:
        fleet = PostgresFleet(store.database, announcer or store.changes)
        async with Projector(fleet, store.log, store.changes, settings, cache_bytes=cache_bytes) as projector:
            yield Fleet(store, fleet, projector, url)


async def tables(url: str) -> dict[str, Rows]:
    async with superuser(url) as connection:
        return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in TABLES.items()}
