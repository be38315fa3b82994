"""The feed of a tenant's latest positions: what changed after a version, in the order of commits.

The projector numbers the changes (`store.positions`); a number is seen only together with all smaller
ones, so whoever has read up to one misses nothing by asking for what comes after it. Each vehicle is in
the feed once, with its newest change. Writes nothing, and knows no reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, and_, select, true

from store.database import Database
from store.readings import PositionRecord
from store.schema import latest_changes, latest_positions, position_feeds


@dataclass(frozen=True, slots=True)
class FeedPoint:
    """How far somebody has read. Versions of another epoch mean nothing; without one nothing has
    changed yet."""

    epoch: UUID | None
    version: int


FEED_START = FeedPoint(None, 0)


@dataclass(frozen=True, slots=True)
class LatestChange:
    """A vehicle's newest change: where it is now, or None where it has no latest position any more."""

    version: int
    vehicle_id: str
    position: PositionRecord | None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`changes` by version, up to the head of the feed unless `has_more`."""

    head: FeedPoint
    changes: tuple[LatestChange, ...]
    has_more: bool


class LatestFeed:
    """The feeds of a database. Invariant: a method is one statement, so it sees one moment, and rows of
    one tenant. Raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self, tenant_id: int) -> FeedPoint:
        """How far the feed has come."""
        query = select(position_feeds.c.epoch, position_feeds.c.version).where(
            position_feeds.c.tenant_id == tenant_id
        )
        async with self._database.tenant(tenant_id) as connection:
            row = (await connection.execute(query)).one_or_none()
        return FEED_START if row is None else FeedPoint(row.epoch, row.version)

    async def page(self, tenant_id: int, *, after: int, limit: int) -> FeedPage:
        """The next changes after a version; at most `limit`, which is at least 1."""
        async with self._database.tenant(tenant_id) as connection:
            rows = (await connection.execute(page_query(tenant_id, after, limit + 1))).mappings().all()
        if not rows:
            return FeedPage(FEED_START, (), has_more=False)
        head = FeedPoint(rows[0]["epoch"], rows[0]["head"])
        changes = [_change(row) for row in rows if row["changed"] is not None]
        return FeedPage(head, tuple(changes[:limit]), has_more=len(changes) > limit)


_POSITION = tuple(name for name in PositionRecord.__slots__ if name not in ("vehicle_id", "device_time"))


def page_query(tenant_id: int, after: int, limit: int) -> Select[Any]:
    """The statement of `LatestFeed.page`: the head on each row, and alone where nothing follows.

    What follows is cut first, by the index: the order of a join would be made by sorting all of it.
    """
    mine = (latest_changes.c.tenant_id == tenant_id, latest_changes.c.version > after)
    new = select(latest_changes).where(*mine).order_by(latest_changes.c.version).limit(limit).subquery("new")
    position = and_(
        latest_positions.c.tenant_id == new.c.tenant_id, latest_positions.c.vehicle_id == new.c.vehicle_id
    )
    columns = (
        position_feeds.c.epoch,
        position_feeds.c.version.label("head"),
        new.c.version.label("changed"),
        new.c.vehicle_id,
        *(latest_positions.c[name] for name in _POSITION),
    )
    joined = position_feeds.outerjoin(new, true()).outerjoin(latest_positions, position)
    query = select(*columns).select_from(joined).where(position_feeds.c.tenant_id == tenant_id)
    return query.order_by(new.c.version)


def _change(row: RowMapping) -> LatestChange:
    position = None
    if row["time"] is not None:
        position = PositionRecord(row["vehicle_id"], **{name: row[name] for name in _POSITION})
    return LatestChange(row["changed"], row["vehicle_id"], position)
