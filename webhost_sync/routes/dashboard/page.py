"""One page or action of the dashboard, declared once: what it takes, who may, what it shows.

To add a page, write a module of this package with a function that answers with a model, a template that
shows the model, and a `Page`; put it into `table.py`, and into `sections.py` where it is to be navigated
to. Route, session, role, query, JSON twin, errors and headers come from here.

    Page     GET   {space}{path}         HTML, or JSON by `Accept`; {path}.json always JSON
    Action   POST  {space}{path}         a form, or its fields as JSON; then another page, or a fragment
    Stream   GET   {space}{path}         server-sent events: the template again and again

`{space}` is `/dashboard/{tenant}/{environment}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic
from urllib.parse import quote, unquote_to_bytes, urlsplit

import structlog
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from store.audit import Deed
from store.contract import StoreError, Tenant
from store.users import MemberRole
from webhost_sync.auth.spaces import Visitor, access_role
from webhost_sync.dashboard.render import render
from webhost_sync.errors import SyncError, TooManyRequests, TryAgain
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.door import Guest, count_visit, guest_of, stranger_of
from webhost_sync.routes.dashboard.forms import FormT, read_fields
from webhost_sync.routes.dashboard.sections import SECTIONS, Section
from webhost_sync.routes.endpoint import Query, QueryT, RawRoute, read_query
from webhost_sync.routes.failures import is_unexpected
from webhost_sync.routes.services import Services

logger = structlog.get_logger(__name__)
SPACE = "/dashboard/{tenant}/{environment}"


@dataclass(frozen=True, slots=True)
class Visit(Generic[QueryT]):
    """One request of a person who may be here, with its query read."""

    guest: Guest
    visitor: Visitor
    query: QueryT

    @property
    def services(self) -> Services:
        return self.guest.services

    @property
    def tenant(self) -> Tenant:
        return self.visitor.tenant

    @property
    def deed(self) -> Deed:
        """Who does this, for the audit log."""
        return self.guest.place.deed(self.visitor.user)

    @property
    def server_url(self) -> str:
        """Where people reach the server; without a slash at the end."""
        chosen = self.services.settings.public_url
        url = self.guest.request.url
        return chosen.rstrip("/") if chosen else f"{url.scheme}://{url.netloc}"

    def may(self, role: str) -> bool:
        """Whether the person has this role here; for templates, which show what can be done."""
        return self.visitor.may(MemberRole(role))

    def address(self, path: str = "", environment: str = "") -> str:
        """The address of a page in this space, or of the same customer's other one."""
        return f"/dashboard/{self.tenant.slug}/{environment or self.tenant.environment.value}{path}"

    def document_path(self, what: str, name: str) -> str:
        """The path of a page of one document, whose name is percent-encoded but for its slashes."""
        return f"/documents/{what}/{quote(name, safe='/')}"

    def path_parameter(self, name: str) -> str:
        """The parameter, percent-decoded once. Raises: HTTPException 404 where it is no text."""
        try:
            text = unquote_to_bytes(self.guest.request.path_params[name]).decode()
        except UnicodeDecodeError as error:
            raise HTTPException(404) from error
        if "\0" in text:
            raise HTTPException(404)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[QueryT]):
    """`show` answers with what the template shows as `answer`. `sources` adds to the content policy.

    `map` is whether the template has a map (`ui.map`), which may load the tiles that the settings name.
    """

    path: str
    title: str
    section: Section | None
    template: str
    show: Callable[[Visit[QueryT]], Awaitable[BaseModel]]
    query: type[QueryT]
    role: MemberRole = MemberRole.VIEWER
    sources: Mapping[str, str] = field(default_factory=dict)
    map: bool = False

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit = visit_of(guest, self.role, self.query)
        answer = await self.show(visit)
        if answers.wants_json(guest.request):
            return answers.as_json(guest.request, answer)
        response = show(visit, self.template, answer, page=self)
        tiles = tile_sources(guest.services.settings.map_tile_url) if self.map else {}
        answers.protect(guest.request, response, **self.sources, **tiles)
        return response

    def routes(self) -> list[BaseRoute]:
        """The page, and its twin; a path that ends in a name of any form has its twin by `Accept` only."""
        paths = [self.path] if self.path.endswith(":path}") else [f"{self.path}.json", self.path]
        return [RawRoute(SPACE + path, self.serve, methods=["GET"]) for path in paths]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: `answer` for programs, and for people either another page of this space
    (`to`) with a `message`, or, for what is shown only once, a fragment (`template`)."""

    answer: BaseModel
    message: str = ""
    to: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[FormT]):
    """Something that changes something. `do` writes its line into the audit log. It is refused in
    maintenance, unless it `goes_on`: who has lost a key must be able to end it at any time."""

    path: str
    title: str
    section: Section
    do: Callable[[Visit[Query], FormT], Awaitable[Done]]
    form: type[FormT]
    role: MemberRole = MemberRole.ADMIN
    goes_on: bool = False

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit = visit_of(guest, self.role, Query)
        fields = await read_fields(guest.request)
        guest.demand_proof(fields)
        if not self.goes_on:
            visit.services.maintenance.demand_off()
        done = await self.do(visit, fields.read(self.form))
        if answers.wants_json(guest.request):
            return answers.as_json(guest.request, done.answer)
        if not done.template:
            return answers.redirect(guest, visit.address(done.to or self.section.path), done.message)
        if answers.is_fragment(guest.request):
            return answers.html(guest, done.template, visit=visit, answer=done.answer)
        return show(visit, "fragment.html", done.answer, page=self, fragment=done.template)

    def routes(self) -> list[BaseRoute]:
        return [RawRoute(SPACE + self.path, self.serve, methods=["POST"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A part of a page that stays fresh: the template, rendered anew every so many seconds.

    The session is asked for each time, so that the stream ends with it; it also ends with the server.
    """

    path: str
    template: str
    show: Callable[[Visit[Query]], Awaitable[BaseModel]]
    interval: float = 2.0
    role: MemberRole = MemberRole.VIEWER

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit_of(guest, self.role, Query)
        response = StreamingResponse(self._events(guest.request), media_type="text/event-stream")
        answers.protect(guest.request, response)
        response.headers["X-Accel-Buffering"] = "no"  # nginx: pass it on at once
        return response

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        stopping = None
        while stopping is None or not await _set_within(stopping, self.interval):
            try:
                guest = await guest_of(request)
                stopping = guest.services.stopping
                visit = visit_of(guest, self.role, Query)
                answer = await self.show(visit)
            except StoreError as error:
                logger.info("stream not refreshed", why=str(error))
                yield answers.event("stale", "")
                if stopping is None:
                    return
                continue
            except (SyncError, HTTPException):
                yield answers.event("over", "")
                return
            yield answers.event("fresh", render(self.template, visit=visit, answer=answer))
        yield answers.event("restart", "")

    def routes(self) -> list[BaseRoute]:
        return [RawRoute(SPACE + self.path, self.serve, methods=["GET"])]


def visit_of(guest: Guest, role: MemberRole, query: type[QueryT]) -> Visit[QueryT]:
    """Raises: NotAuthenticated, HTTPException 404, NotAllowed, InvalidRequest, in this order."""
    parameters = guest.request.path_params
    visitor = guest.enter(parameters["tenant"], parameters["environment"])
    access_role(visitor, role)
    return Visit(guest, visitor, read_query(query, guest.request, drops_blanks=True))


def tile_sources(template: str | None) -> dict[str, str]:
    """What the content policy must allow so that these tiles load: their origin, where it is another one."""
    parts = urlsplit(template or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    return {"img": origin, "connect": origin} if parts.netloc else {}


def show(visit: Visit[Any], template: str, answer: BaseModel, **values: Any) -> Response:
    """A whole page, with navigation."""
    sections = [section for section in SECTIONS if visit.visitor.may(section.role)]
    return answers.html(visit.guest, template, visit=visit, answer=answer, sections=sections, **values)


async def guarded(request: Request, serve: Callable[[Guest], Awaitable[Response]]) -> Response:
    """Serve a guest; whatever goes wrong is answered as a page, a fragment or JSON."""
    try:
        await count_visit(request)
    except TooManyRequests as error:
        return answers.refusal(stranger_of(request), error)
    guest = await guest_of(request)
    try:
        return await serve(guest)
    except ClientDisconnect:
        raise
    except Exception as error:
        where = {"method": request.method, "path": request.url.path}
        if is_unexpected(error):
            logger.error("request failed", **where, exc_info=error)
        elif isinstance(error, TryAgain | StoreError):
            logger.warning("request not served", **where, why=str(error))
        return answers.refusal(guest, error)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
