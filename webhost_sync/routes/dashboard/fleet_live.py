"""The latest positions of a space as they change, for a page: `GET /api/positions/live` behind a session.

    GET /fleet/-/live     events `latest`, `gone` and `ready`, as of the API; `end` says why it ends

The session is asked for again and again, so that the stream ends with it; it also ends with the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from store.contract import StoreError
from store.users import MemberRole
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.errors import Draining, NotAuthenticated, StoreUnavailable, SyncError
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.door import Guest, guest_of
from webhost_sync.routes.dashboard.page import SPACE, Visit, guarded, visit_of
from webhost_sync.routes.endpoint import Query, RawRoute
from webhost_sync.routes.event_stream import EventStream, Reader
from webhost_sync.routes.live_positions import LAST_EVENT_ID, PositionStream


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStream:
    """A stream of positions, for whoever may see the space."""

    path: str
    role: MemberRole = MemberRole.VIEWER

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit = visit_of(guest, self.role, Query)

        @asynccontextmanager
        async def opened(reader: Reader) -> AsyncIterator[AsyncIterator[bytes]]:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(guest.request, visit, reader))
                try:
                    async with _events(visit, reader) as events:
                        yield events
                finally:
                    watching.cancel()

        stream = EventStream(
            lambda reader: nullcontext(), opened, patience=guest.services.settings.outbox_timeout
        )
        answers.protect(guest.request, stream)
        return stream

    async def _watch(self, request: Request, visit: Visit[Query], reader: Reader) -> None:
        """End the stream with the session, or with the server."""
        interval, stopping = visit.services.settings.access_check_interval, visit.services.stopping
        while reader.ended is None:
            try:
                async with asyncio.timeout(interval):
                    await stopping.wait()
                reader.close(Draining())
            except TimeoutError:
                try:
                    visit_of(await guest_of(request), self.role, Query)
                except StoreError:
                    reader.close(StoreUnavailable())
                except SyncError as error:
                    reader.close(error)
                except HTTPException:
                    reader.close(NotAuthenticated("you are no member of this space any more"))

    def routes(self) -> list[BaseRoute]:
        return [RawRoute(SPACE + self.path, self.serve, methods=["GET"])]


@asynccontextmanager
async def _events(visit: Visit[Query], reader: Reader) -> AsyncIterator[AsyncIterator[bytes]]:
    services, cursor = visit.services, visit.guest.request.headers.get(LAST_EVENT_ID)
    principal = _principal(visit)
    async with services.live_positions.follow(visit.tenant.id, reader.woken) as followed:
        stream = PositionStream(services, principal, reader, followed, cursor)
        async with aclosing(stream.events()) as events:
            yield events


def _principal(visit: Visit[Query]) -> Principal:
    """A member may see all positions of the space."""
    tenant, user = visit.tenant, visit.visitor.user
    return Principal(
        tenant_id=tenant.id,
        tenant_slug=tenant.slug,
        environment=tenant.environment,
        subject=user.email,
        device="",
        grants=(Grant("*", frozenset({Scope.READ})),),
        scopes=frozenset(),
        key_id=user.id,
        token_id=None,
        expires_at=None,
    )
