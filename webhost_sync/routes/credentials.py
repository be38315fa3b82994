"""What a request or socket tells of its client: its key or token, its page, its address.

A key or token is in a header, or, where a client can't set one, in the query.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from webhost_sync.errors import NotAllowed

EPOCH_HEADER = "X-Document-Epoch"
"""Which history a client's replica belongs to; `sync.epochs` reads it."""
CREDENTIAL_PARAMETERS = ("token", "apiKey")
"""Query parameters, the first that is given counts."""


def credential_of(connection: HTTPConnection) -> str | None:
    """The key or token of a request or socket: `Authorization: Bearer`, `?token=` or `?apiKey=`."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    given = (connection.query_params.get(name) for name in CREDENTIAL_PARAMETERS)
    return next(filter(None, given), None)


def check_origin(websocket: WebSocket, allowed: tuple[str, ...]) -> None:
    """Let pages of the allowed origins connect, and whoever is no page. Raises: NotAllowed."""
    origin = websocket.headers.get("origin")
    if allowed and origin is not None and origin not in allowed:
        raise NotAllowed("pages of this origin may not connect; see ALLOWED_ORIGINS")


def address_of(connection: HTTPConnection) -> str:
    """The client's network address, empty where the server knows none."""
    return connection.client.host if connection.client else ""
