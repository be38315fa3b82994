"""A page that is a file: `file` makes it of what its query asks for.

Download   GET   {space}{path}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from store.users import MemberRole
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.door import Guest
from webhost_sync.routes.dashboard.page import SPACE, Visit, guarded, visit_of
from webhost_sync.routes.endpoint import QueryT, RawRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Generic[QueryT]):
    """One file, for whoever has the role."""

    path: str
    query: type[QueryT]
    file: Callable[[Visit[QueryT]], Awaitable[Response]]
    role: MemberRole = MemberRole.VIEWER

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit = visit_of(guest, self.role, self.query)
        response = await self.file(visit)
        answers.protect(guest.request, response)
        return response

    def routes(self) -> list[BaseRoute]:
        return [RawRoute(SPACE + self.path, self.serve, methods=["GET"])]
