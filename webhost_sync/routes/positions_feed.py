"""Every position in the order in which it was committed, for whoever mirrors them.

A reader comes back with the cursor that it got, now or next month, and finds what was written since. Who
may see a position may read all tracks of its vehicle; the others are passed over, so that a page may have
fewer items than were asked for, and none, while more follow.
"""

from __future__ import annotations

import dataclasses
from uuid import UUID

from pydantic import Field
from starlette.responses import JSONResponse, Response

from store.latest_feed import FEED_START, FeedPoint
from webhost_sync.errors import InvalidRequest
from webhost_sync.routes import models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.queries import DEFAULT_LIMIT, MAX_LIMIT
from webhost_sync.routes.vehicles import A_POSITION, may_read_tracks, position_fields, readable_patterns

PATH = "/api/feed/positions"
POINTS = CursorFormat[tuple[UUID | None, int]](tuple[UUID | None, int])


class FeedQuery(Query):
    after: str | None = Field(
        None, description="`next_cursor` of the answer before, as it is; without it, from the beginning."
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Positions to look at.")


async def feed_positions(call: Call[FeedQuery, None]) -> Response:
    principal, patterns = call.principal, readable_patterns(call.principal)
    # Rights are part of it: whoever may see more than before would miss what has been passed over.
    identity = f"{PATH}?{principal.tenant_id}&{sorted(patterns)}"
    after = FEED_START if call.query.after is None else _point_of(call.query.after, identity)
    page = await call.services.feed.page(principal.tenant_id, after=after.version, limit=call.query.limit)
    if after.version > page.head.version or after.epoch not in (None, page.head.epoch):
        raise InvalidRequest(
            "query parameter 'after': the positions were numbered anew since; begin without it, and take "
            "what comes for what you have"
        )
    at = dataclasses.replace(page.head, version=page.positions[-1][0]) if page.has_more else page.head
    seen = {record.vehicle_id for _, record in page.positions}
    visible = {each for each in seen if "*" in patterns or may_read_tracks(principal, each)}
    items = [
        models.Position.model_validate(position_fields(record))
        for _, record in page.positions
        if record.vehicle_id in visible
    ]
    answer = models.PositionFeedPage(
        items=items, next_cursor=POINTS.encode((at.epoch, at.version), identity), has_more=page.has_more
    )
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


def _point_of(cursor: str, identity: str) -> FeedPoint:
    try:
        return FeedPoint(*POINTS.decode(cursor, identity))
    except InvalidRequest as error:
        raise InvalidRequest(
            "query parameter 'after': use next_cursor of an answer as it is; where the credential's rights "
            "have changed, begin without it"
        ) from error


ENDPOINTS = (
    Endpoint(
        method="GET",
        path=PATH,
        tag="positions",
        summary="Mirror positions",
        description="Every position of the vehicles whose tracks may all be read, in the order in which it "
        "was written: come back with `next_cursor`, at once while `has_more`, and nothing is missed. A "
        "position comes again when its flags have changed; `vehicle_id`, `device_id`, `sequence` and `time` "
        "say which it is. That one was deleted is not in the feed.",
        handler=feed_positions,
        query=FeedQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "The next positions",
                models.PositionFeedPage,
                {
                    "items": [{**A_POSITION, "device_time": None}],
                    "next_cursor": "WyI1MGQ5Il0",
                    "has_more": False,
                },
            ),
        ),
        errors=(InvalidRequest,),
    ),
)
