"""What happens around every HTTP request: its id, who may read the answer, and what errors become.

    Measured        counts the request, and how long it took
    RequestIds      X-Request-Id, in the answer and on each log line; and what the rate limit has left
    Traced          a span of OpenTelemetry, where that is configured
    CrossOrigin     CORS for the API, the health pages and the limits
    ErrorAnswers    whatever is raised below becomes an answer (`failures.py`)

Plain ASGI, from the outside in. WebSockets pass untouched.
"""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.contract import StoreError
from webhost_sync.errors import TooManyRequests, TryAgain
from webhost_sync.metrics import OTHER, Recorder
from webhost_sync.routes.endpoint import ROUTE, VERDICT
from webhost_sync.routes.failures import answer_to, is_unexpected
from webhost_sync.routes.services import services_of
from webhost_sync.telemetry.tracing import Tracing

logger = structlog.get_logger(__name__)
REQUEST_ID = "X-Request-Id"
READABLE_HEADERS = (
    REQUEST_ID, "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Document-Epoch", "X-Document-Seq",
    "X-Document-Left-Out",
)  # fmt: skip
SENDABLE_HEADERS = (
    "Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "X-Document-Epoch", REQUEST_ID
)  # fmt: skip
PREFLIGHT_SECONDS = 3600
_SHARED_PATHS = ("/api/", "/health")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Measured:
    """Notes every request that was answered, with its time. One that streams goes on for as long as its
    reader likes, and isn't noted."""

    def __init__(self, app: ASGIApp, recorder: Recorder, slow: float) -> None:
        """Answers that begin after more than `slow` seconds are logged; 0 logs none."""
        self._app = app
        self._recorder = recorder
        self._slow = slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                now, kind = time.monotonic(), Headers(raw=message["headers"]).get("content-type", "")
                if not kind.startswith("text/event-stream"):
                    self._log_if_slow(now - started, scope, message["status"])
                    self._recorder.note_request(
                        now - started,
                        status=message["status"],
                        now=now,
                        method=scope["method"],
                        route=scope.get(ROUTE, OTHER),
                    )
            await send(message)

        await self._app(scope, receive, noting_send)

    def _log_if_slow(self, seconds: float, scope: Scope, status: int) -> None:
        if self._slow and seconds > self._slow:
            route = scope.get(ROUTE, OTHER)
            logger.warning(
                "slow request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000),
                request_id=scope.get("request_id"),
            )


class RequestIds:
    """Gives each request an id: the one it brings, if that is short and plain, or a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                if (verdict := scope.get(VERDICT)) is not None:
                    headers.update(verdict.headers)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


def request_id_of(scope: Scope) -> str:
    """The id that a request or socket brings, if it is short and plain, or a new one."""
    brought = Headers(scope=scope).get(REQUEST_ID, "")
    return brought if _SANE_ID.fullmatch(brought) else uuid.uuid4().hex


class Traced:
    """A span for each request, under the parent that its `traceparent` names."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        attributes = {"http.request.method": scope["method"], "request_id": scope.get("request_id", "")}
        with self._tracing.span(f"HTTP {scope['method']}", attributes, Headers(scope=scope)) as span:

            async def noting_send(message: Message) -> None:
                if span is not None and message["type"] == "http.response.start":
                    route = scope.get(ROUTE, OTHER)
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attributes({"http.route": route, "http.response.status_code": message["status"]})
                await send(message)

            await self._app(scope, receive, noting_send)


class CrossOrigin:
    """Lets pages of other origins call the API: those that are allowed, or all where none is named.

    Never with cookies: a page can use a key that it has, and not the login of whoever looks at it.
    """

    def __init__(self, app: ASGIApp, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=allowed_origins or ("*",),
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=SENDABLE_HEADERS,
            expose_headers=READABLE_HEADERS,
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_shared = scope["type"] == "http" and scope["path"].startswith(_SHARED_PATHS)
        await (self._shared if is_shared else self._app)(scope, receive, send)


class ErrorAnswers:
    """Answers for whatever a request ended with, and logs what is our own fault."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            logger.debug("client left before its request had come", path=scope["path"])
        except Exception as error:
            _log(error, scope)
            if isinstance(error, TooManyRequests) and not begun:
                services = services_of(HTTPConnection(scope))
                await services.refusals.hold(services.settings.rate_limit_hold)
            if begun:
                raise  # too late for another answer: the connection has to break
            await answer_to(error)(scope, receive, send)


async def raise_to_middleware(request: Request, error: Exception) -> Response:
    """Keep Starlette from answering what its router found, so that there is one form of errors."""
    raise error


def _log(error: Exception, scope: Scope) -> None:
    where = {"method": scope["method"], "path": scope["path"]}
    if is_unexpected(error):
        logger.error("request failed", **where, exc_info=error)
    elif isinstance(error, TryAgain | StoreError):
        logger.warning("request not served", **where, why=str(error))
