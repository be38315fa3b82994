"""One endpoint of the HTTP API, declared once: what it takes, what it answers, and who does it.

From the same declaration come its route, the reading of its query and body, and its part of the
OpenAPI document (`openapi.py`), so that what is documented is what is done. Knows no endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from store.audit import Deed
from store.contract import Environment
from webhost_sync.auth.principals import Principal
from webhost_sync.errors import (
    DocumentNotFound,
    InvalidRequest,
    NotAuthenticated,
    SyncError,
    VehicleNotFound,
)
from webhost_sync.limiting.budgets import Kind
from webhost_sync.routes.bodies import Body, is_upload
from webhost_sync.routes.credentials import CREDENTIAL_PARAMETERS, address_of, credential_of
from webhost_sync.routes.services import Services, services_of

ROUTE = "webhost_sync.route"
"""Key of a request's scope: the template of the path that it matched."""
VERDICT = "webhost_sync.verdict"
"""Key of a request's scope: what its rate limit has left, a `Verdict` or None."""


class Query(BaseModel):
    """The query of an endpoint, a field for each parameter; a name that is not among them is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


QueryT = TypeVar("QueryT", bound=Query)
BodyT = TypeVar("BodyT")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path parameter or a header, for the documentation."""

    name: str
    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a call goes well. `content` is a JSON model, a media type, or None for no body;
    `others` are media types that can be asked for in its place."""

    status: int
    description: str
    content: type[BaseModel] | str | None = None
    example: object = None
    headers: tuple[Parameter, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Generic[QueryT, BodyT]):
    """One request whose credential, query and body have been read."""

    request: Request
    services: Services
    query: QueryT
    body: BodyT
    who: Principal | None

    @property
    def principal(self) -> Principal:
        """Whoever calls. Raises: NotAuthenticated on an endpoint that is open to all."""
        if self.who is None:
            raise NotAuthenticated()
        return self.who

    @property
    def deed(self) -> Deed:
        """Who does this, for the audit log. Raises: as `principal`."""
        principal, client = self.principal, self.request.client
        actor = principal.subject if principal.token_id is None else f"token:{principal.subject}"
        return Deed(actor, client.host if client else "", self.request.scope.get("request_id", ""))

    def path_parameter(self, name: str) -> str:
        """The parameter, percent-decoded once. Raises: InvalidRequest."""
        try:
            return unquote_to_bytes(str(self.request.path_params[name])).decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{name!r} in the path is not UTF-8") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[QueryT, BodyT]):
    """`errors` are those besides the ones that every endpoint has; an open one asks for no credential.

    In maintenance one that is no GET is refused, unless it `goes_on`: it changes nothing, or leaves that to
    a room, which refuses by itself.
    """

    method: str
    path: str
    tag: str
    summary: str
    description: str
    handler: Callable[[Call[QueryT, BodyT]], Awaitable[Response]]
    query: type[QueryT]
    body: Body[BodyT]
    answers: tuple[Answer, ...]
    errors: tuple[type[SyncError], ...] = ()
    path_parameters: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    is_open: bool = False
    goes_on: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether a rate limit holds; whoever looks after the server must get an answer."""
        return self.tag != "health"

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it, without what only the router needs."""
        return re.sub(r":\w+}", "}", self.path)

    async def serve(self, request: Request) -> Response:
        """Answer one request. Raises: SyncError."""
        services = services_of(request)
        who = await self._admitted(request, services)
        if self.method != "GET" and not self.goes_on:
            services.maintenance.demand_off()
        query = read_query(self.query, request)
        body = await self.body.read(request, services.settings.frame_limit)
        try:
            return await self.handler(Call(request, services, query, body, who))
        except (DocumentNotFound, VehicleNotFound) as error:
            if who is None or who.environment is Environment.LIVE:
                raise
            # The same for what there isn't and for what may not be seen: a stranger learns nothing by it.
            raise type(error)(f"{error.detail} (a test key sees the test space, and no live data)") from error

    async def _admitted(self, request: Request, services: Services) -> Principal | None:
        """Find out who calls, and whether they may now; None where everybody may. Raises: SyncError."""
        address = address_of(request)
        if not self.is_open:
            kind = Kind.UPLOAD if is_upload(request) else Kind.API
            who, request.scope[VERDICT] = await services.admission.admit(
                credential_of(request), address, kind
            )
            return who
        if self.is_counted:
            request.scope[VERDICT] = await services.admission.visit("", address)
        return None


class RawRoute(Route):
    """Matches the path as it came, so that a `%2F` inside of a name is no separator; and leaves its own
    path in the scope, for whoever counts requests."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        match, found = super().matches({**scope, "path": raw})
        return match, found if match is Match.NONE else {**found, ROUTE: self.path.replace(":path}", "}")}


class EndpointRoute(RawRoute):
    """The route of an endpoint."""

    def __init__(self, endpoint: Endpoint[QueryT, BodyT]) -> None:
        super().__init__(endpoint.path, endpoint.serve, methods=[endpoint.method])


def read_query(model: type[QueryT], request: Request, *, drops_blanks: bool = False) -> QueryT:
    """Read the query; where it comes from a form, inputs that were left empty count as not sent.

    Raises: InvalidRequest, naming the parameter and what is allowed.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise InvalidRequest(f"query parameter {name!r} is given twice")
        if "\0" in value:
            raise InvalidRequest(f"query parameter {name!r} holds a NUL character")
        if name not in CREDENTIAL_PARAMETERS and (value.strip() or not drops_blanks):
            given[name] = value
    names = {field.alias or name for name, field in model.model_fields.items()}
    if unknown := given.keys() - names:
        allowed = ", ".join(sorted(names)) or "none"
        raise InvalidRequest(f"unknown query parameter {min(unknown)!r}; there are: {allowed}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "query"
        raise InvalidRequest(f"query parameter {where!r}: {fault['msg']}") from error
