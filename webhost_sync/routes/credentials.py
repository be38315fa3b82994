"""Where a client may put its key or token: in a header, or, where it can't set one, in the query."""

from __future__ import annotations

from starlette.requests import HTTPConnection

CREDENTIAL_PARAMETERS = ("token", "apiKey")
"""Query parameters, the first that is given counts."""


def credential_of(connection: HTTPConnection) -> str | None:
    """The key or token of a request or socket: `Authorization: Bearer`, `?token=` or `?apiKey=`."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    given = (connection.query_params.get(name) for name in CREDENTIAL_PARAMETERS)
    return next(filter(None, given), None)
