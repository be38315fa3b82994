"""Reads the positions of a range of time: of one vehicle as a line, of any number as a file.

In: a tenant, a range, and who is meant. Out: narrow tuples for a line, at most as many as were asked for;
whole records for a file, a part at a time from a cursor, so that memory doesn't grow with the range. Who may
see what is decided by the caller. Writes nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from store.contract import Unavailable
from store.database import Database
from store.readings import PositionRecord, fits_any, tracks_of
from store.schema import gps_positions

ROWS_AT_ONCE = 1000
FILES_AT_ONCE = 2
"""Each holds a connection for as long as its reader takes."""
PATIENCE = 10.0
"""Seconds that somebody waits until another file is done."""


class LineFix(NamedTuple):
    """A fix, reduced to what a line through it needs; the time in ms since 1970."""

    time_ms: int
    latitude: float
    longitude: float
    speed_mps: float | None
    heading_deg: float | None
    device_id: str
    flags: int


@dataclass(frozen=True, slots=True)
class LineFixes:
    """`total` fixes are in the range, `doubtful` of them flagged. Where they were more than was asked for,
    `fixes` has the first good one of every `every_s` seconds, else all of them."""

    fixes: list[LineFix]
    total: int
    doubtful: int
    every_s: int | None


fix_time = gps_positions.c.time
_ORDER = (fix_time, gps_positions.c.device_id, gps_positions.c.sequence)
_LINE = (
    cast(func.extract("epoch", fix_time) * 1000, BigInteger).label("time_ms"),
    *(gps_positions.c[name] for name in LineFix._fields[1:]),
)
_WHOLE = tuple(gps_positions.c[name] for name in PositionRecord.__slots__)


class TrackReadings:
    """Invariants: 1. Every method is one transaction that sees one tenant's rows, as they were when it began.
    2. At most `FILES_AT_ONCE` files are read at once. 3. Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._files = asyncio.Semaphore(FILES_AT_ONCE)

    async def line(
        self, tenant_id: int, vehicle_id: str, start: datetime, end: datetime, *, limit: int, doubtful: int
    ) -> LineFixes:
        """The fixes of a vehicle with `start` <= time < `end`, in the order of time. `doubtful` are the flags
        of those that aren't worth a place where there are too many."""
        of_range = _of_range(tenant_id, start, end), gps_positions.c.vehicle_id == vehicle_id
        is_doubtful = gps_positions.c.flags.op("&")(doubtful) != 0
        count = select(func.count(), func.count().filter(is_doubtful)).where(*of_range)
        query, every_s = select(*_LINE).where(*of_range).order_by(*_ORDER), None
        async with self._database.moment(tenant_id) as connection:
            total, doubted = (await connection.execute(count)).one()
            if total > limit:
                every_s = math.ceil((end - start).total_seconds() / limit)
                bucket = func.floor(func.extract("epoch", fix_time) / every_s)
                query = (
                    select(*_LINE)
                    .where(*of_range, ~is_doubtful)
                    .ext(distinct_on(bucket))
                    .order_by(bucket, *_ORDER)
                )
            rows = (await connection.execute(query)).all()
        return LineFixes([LineFix(*row) for row in rows], total, doubted, every_s)

    @asynccontextmanager
    async def file(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        start: datetime,
        end: datetime,
        *,
        vehicle_id: str | None = None,
    ) -> AsyncIterator[AsyncIterator[Sequence[PositionRecord]]]:
        """The positions of one vehicle, or of each all of whose tracks fit one of the patterns: by vehicle,
        then in the order of time, as a few at a time. Raises: Unavailable (too many files are read)."""
        query = file_query(tenant_id, patterns, start, end, vehicle_id)
        await self._take_turn()
        try:
            async with (
                self._database.moment(tenant_id) as connection,
                connection.stream(query, execution_options={"yield_per": ROWS_AT_ONCE}) as result,
            ):
                yield ([PositionRecord(*row) for row in rows] async for rows in result.partitions())
        finally:
            self._files.release()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._files.acquire()
        except TimeoutError as error:
            raise Unavailable(f"{FILES_AT_ONCE} files are being read already; try again later") from error


def file_query(
    tenant_id: int, patterns: Sequence[str], start: datetime, end: datetime, vehicle_id: str | None
) -> Select[Any]:
    """The statement of `TrackReadings.file`, by itself so that its plan can be looked at."""
    vehicle = gps_positions.c.vehicle_id
    query = select(*_WHOLE).where(_of_range(tenant_id, start, end)).order_by(vehicle, *_ORDER)
    if vehicle_id is not None:
        return query.where(vehicle == vehicle_id)
    return query if "*" in patterns else query.where(fits_any(tracks_of(vehicle), patterns))


def _of_range(tenant_id: int, start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(gps_positions.c.tenant_id == tenant_id, fix_time >= start, fix_time < end)
