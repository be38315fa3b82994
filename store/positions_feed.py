"""The feed of a tenant's positions: what was written after a version, in the order of commits.

The projector numbers what it writes (`store.positions`), under one lock a tenant; so a number is seen only
together with all smaller ones. A position that is written again, since its flags or its document changed,
moves to the end. One that is deleted leaves the feed without a trace. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, true

from store.database import Database
from store.latest_feed import FEED_START, FeedPoint
from store.readings import PositionRecord
from store.schema import gps_positions, position_feeds


@dataclass(frozen=True, slots=True)
class PositionsPage:
    """`positions` with their versions, up to the head of the feed unless `has_more`."""

    head: FeedPoint
    positions: tuple[tuple[int, PositionRecord], ...]
    has_more: bool


class PositionsFeed:
    """The feeds of a database. Invariant: a page is one statement, so it sees one moment, and rows of one
    tenant. Raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, tenant_id: int, *, after: int, limit: int) -> PositionsPage:
        """The next positions after a version; at most `limit`, which is at least 1."""
        async with self._database.tenant(tenant_id) as connection:
            rows = (await connection.execute(page_query(tenant_id, after, limit + 1))).mappings().all()
        if not rows:
            return PositionsPage(FEED_START, (), has_more=False)
        head = FeedPoint(rows[0]["epoch"], rows[0]["head"])
        found = [
            (row["version"], PositionRecord(**{name: row[name] for name in PositionRecord.__slots__}))
            for row in rows
            if row["version"] is not None
        ]
        return PositionsPage(head, tuple(found[:limit]), has_more=len(found) > limit)


def page_query(tenant_id: int, after: int, limit: int) -> Select[Any]:
    """The statement of `PositionsFeed.page`: the head on each row, and alone where nothing follows.

    What follows is cut first, by the index: the order of a join would be made by sorting all of it.
    """
    columns = (gps_positions.c.version, *(gps_positions.c[name] for name in PositionRecord.__slots__))
    mine = (gps_positions.c.tenant_id == tenant_id, gps_positions.c.version > after)
    new = select(*columns).where(*mine).order_by(gps_positions.c.version).limit(limit).subquery("new")
    query = select(position_feeds.c.epoch, position_feeds.c.version.label("head"), *new.c)
    joined = position_feeds.outerjoin(new, true())
    return query.select_from(joined).where(position_feeds.c.tenant_id == tenant_id).order_by(new.c.version)
