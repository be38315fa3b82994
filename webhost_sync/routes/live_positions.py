"""The latest positions as a stream: the present state, then what changes, or what a reader has missed.

    latest   positions, a list as in `GET /api/positions/latest`
    gone     ids of vehicles that have no latest position any more, a list
    ready    {"resumed": …}: everything up to now has been sent

A reader is a point in the feed of its tenant (`store.latest_feed`). What comes after it is taken from
memory (`fleet.live_positions`), or from the database by whoever is far behind; each vehicle is sent once,
as it is then. Who may see which vehicle is the same as for the list.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate, takewhile
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from store.latest_feed import FeedPoint
from webhost_sync.auth.principals import Principal
from webhost_sync.config import KIB
from webhost_sync.errors import Draining, InvalidRequest, TooManyRequests
from webhost_sync.fleet.live_positions import Followed
from webhost_sync.fleet.recent_changes import ShownChange
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.event_stream import MEDIA_TYPE, EventStream, Reader, event, keep_alive
from webhost_sync.routes.services import Services
from webhost_sync.routes.vehicles import A_POSITION, may_read_tracks, readable_patterns
from webhost_sync.sync.live import LiveConnection

PATH = "/api/positions/live"
LAST_EVENT_ID = "Last-Event-ID"
CHUNK = 250
CHUNK_BYTES = 256 * KIB
"""Positions of one event: at most so many, and so many bytes where it is more than one."""
SILENCE = 15.0
"""Seconds until a comment is sent: proxies close what is silent for longer."""
POINTS = CursorFormat[tuple[UUID | None, int]](tuple[UUID | None, int])


class LiveQuery(Query):
    after: str | None = Field(
        None, description="`id` of the last event that was seen; the header `Last-Event-ID` goes before it."
    )


async def stream_latest_positions(call: Call[LiveQuery, None]) -> Response:
    services, principal = call.services, call.principal
    cursor = call.request.headers.get(LAST_EVENT_ID) or call.query.after

    def register(reader: Reader) -> AbstractContextManager[None]:
        if services.hub.status().draining:
            raise Draining()
        number = services.hub.next_connection_id()
        live = LiveConnection(number, principal, PATH, datetime.now(UTC), reader, number, MEDIA_TYPE)
        return services.live.registered(live)

    opened = partial(_events, services, principal, cursor)
    return EventStream(register, opened, patience=services.settings.outbox_timeout)


@asynccontextmanager
async def _events(
    services: Services, principal: Principal, cursor: str | None, reader: Reader
) -> AsyncIterator[AsyncIterator[bytes]]:
    async with services.live_positions.follow(principal.tenant_id, reader.woken) as followed:
        stream = PositionStream(services, principal, reader, followed, cursor)
        async with aclosing(stream.events()) as events:
            yield events


class PositionStream:
    """One reader's events.

    Invariants:
    1. All that changed up to its point, and that it may see, has been handed over.
    2. It keeps nothing between two events but that point.
    """

    def __init__(
        self, services: Services, principal: Principal, reader: Reader, followed: Followed, cursor: str | None
    ) -> None:
        self._positions = services.live_positions
        self._readings = services.readings
        self._principal = principal
        self._patterns = readable_patterns(principal)
        self._reader = reader
        self._followed = followed
        # Rights are part of it: whoever may see more than before lacks the state of what it sees now.
        self._identity = f"{PATH}?{principal.tenant_id}&{sorted(self._patterns)}"
        self._at = self._point_of(cursor)

    async def events(self) -> AsyncGenerator[bytes]:
        """Raises: Unavailable, SyncError (the tenant can't be followed any more)."""
        if await self._can_go_on():
            async for changed in self._changes():
                yield changed
            yield self._ready(resumed=True)
        while self._reader.ended is None:
            if not await self._can_go_on():
                async for positions in self._whole():
                    yield positions
                yield self._ready(resumed=False)
            async for changed in self._changes():
                yield changed
            if not await self._reader.wait(SILENCE):
                yield keep_alive(self._id())

    async def _can_go_on(self) -> bool:
        """Whether the feed knows what comes after our point."""
        at, recent = self._at, self._followed.recent
        if at is None:
            return False
        if at.version <= recent.point.version:
            return at.epoch == recent.point.epoch or recent.reaches_back_to(at)
        # Either this process is behind the one that sent the cursor, or the database was put back.
        head = await self._positions.head(self._principal.tenant_id)
        return at.epoch == head.epoch and at.version <= head.version

    async def _whole(self) -> AsyncIterator[bytes]:
        """The latest position of each vehicle. What changes meanwhile comes after the point of before."""
        at, after = self._followed.recent.point, None
        while True:
            records = await self._readings.latest(
                self._principal.tenant_id, self._patterns, after=after, limit=CHUNK
            )
            shown = _fitting(list(map(self._positions.encode, records)))
            if shown:
                yield event("latest", _list(shown))
            if len(shown) < len(records) or len(records) == CHUNK:
                after = records[len(shown) - 1].vehicle_id
            else:
                break
        self._at = at

    async def _changes(self) -> AsyncIterator[bytes]:
        """What came after our point, up to now."""
        has_more = True
        while has_more and await self._can_go_on():
            found, has_more, head = await self._next_changes()
            changes = found[: len(_fitting([change.position or b"" for change in found]))]
            has_more = has_more or len(changes) < len(found)
            self._at = FeedPoint(head.epoch, changes[-1].version) if has_more else head
            for made in self._shown([change for change in changes if self._may_see(change.vehicle_id)]):
                yield made

    async def _next_changes(self) -> tuple[Sequence[ShownChange], bool, FeedPoint]:
        """The next ones, whether more follow, and the head of the feed."""
        at, recent = self._at, self._followed.recent
        assert at is not None
        if at.version >= recent.floor:
            changes, has_more = recent.after(at.version, CHUNK)
            return changes, has_more, max(recent.point, at, key=lambda point: point.version)
        page, missed = await self._positions.missed(self._principal.tenant_id, after=at.version, limit=CHUNK)
        if page.head.epoch != at.epoch:
            return (), False, at  # numbered anew a moment ago; whoever follows the tenant finds that too
        return missed, page.has_more, page.head

    def _shown(self, changes: Sequence[ShownChange]) -> list[bytes]:
        """At most one event of each kind; the last one has the id."""
        latest = [change.position for change in changes if change.position is not None]
        gone = [_json_text(change.vehicle_id) for change in changes if change.position is None]
        named = [("gone", gone), ("latest", latest)]
        filled = [(name, items) for name, items in named if items]
        return [
            event(name, _list(items), self._id() if name == filled[-1][0] else "") for name, items in filled
        ]

    def _may_see(self, vehicle_id: str) -> bool:
        return "*" in self._patterns or may_read_tracks(self._principal, vehicle_id)

    def _ready(self, *, resumed: bool) -> bytes:
        return event("ready", b'{"resumed":true}' if resumed else b'{"resumed":false}', self._id())

    def _id(self) -> str:
        assert self._at is not None
        return POINTS.encode((self._at.epoch, self._at.version), self._identity)

    def _point_of(self, cursor: str | None) -> FeedPoint | None:
        """None where the cursor is of another tenant, other rights or another version of the program: then
        the whole state is what the reader lacks."""
        try:
            return None if cursor is None else FeedPoint(*POINTS.decode(cursor, self._identity))
        except InvalidRequest:
            return None


def _fitting(positions: Sequence[bytes]) -> Sequence[bytes]:
    """The first ones, which together are small enough for one event."""
    sizes = accumulate(len(position) for position in positions)
    return positions[: max(1, sum(1 for _ in takewhile(lambda size: size <= CHUNK_BYTES, sizes)))]


def _list(items: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _json_text(text: str) -> bytes:
    return json.dumps(text).encode()


_EXAMPLE = b"".join(
    (
        event("latest", _list([json.dumps(A_POSITION).encode()])),
        event("ready", b'{"resumed":false}', "WyI1MGQ4Il0"),
        event("latest", _list([json.dumps({**A_POSITION, "sequence": 42}).encode()]), "WyI1MGQ5Il0"),
    )
).decode()

ENDPOINTS = (
    Endpoint(
        method="GET",
        path=PATH,
        tag="positions",
        summary="Follow the latest positions",
        description="Server-sent events. First the present state, then, at most four times a second, what "
        "changed; a reader that is slow finds each vehicle once, as it is by then.\n\n"
        "`latest`: a list of `LatestPosition`, as the items of `GET /api/positions/latest`, and of the same "
        "vehicles. `gone`: a list of ids of vehicles that have no latest position any more. `ready`: "
        "everything up to now has been sent; `resumed` is false where that was the whole state, so that "
        "vehicles that were not in it are gone. `end`: an `ErrorAnswer` that says why the stream ends "
        "(`token_expired`, `key_revoked`, `draining`, …), and whether to come back. Every 15 seconds of "
        "silence there is a comment.\n\n"
        "Whoever comes back with the last `id` gets only what it missed. An id that is of no use any more, "
        "or was given to a credential with other rights, leads to the whole state.",
        handler=stream_latest_positions,
        query=LiveQuery,
        body=NoBody(),
        answers=(Answer(200, "Events, until one side ends it", MEDIA_TYPE, _EXAMPLE),),
        errors=(InvalidRequest, TooManyRequests, Draining),
        headers=(
            Parameter(
                LAST_EVENT_ID,
                "`id` of the last event that was seen; browsers send it by themselves.",
                "WyI1MGQ5Il0",
            ),
        ),
    ),
)
