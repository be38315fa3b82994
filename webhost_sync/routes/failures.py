"""Turns whatever ends a request badly into one JSON answer.

    {"error": {"code": "invalid_request", "message": "…", "retry": false}}

In: an exception. Out: the answer, with the status of the error's own table. What we didn't expect is
answered as `internal`, without a word of it. The only place that does this.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from store.contract import (
    CorruptDocument,
    EpochMismatch,
    Quarantined,
    SchemaOutdated,
    StoreError,
    Unavailable,
    UnknownDocument,
)
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    Internal,
    StoreUnavailable,
    SyncError,
    WrongEpoch,
)
from webhost_sync.limiting.budgets import Verdict
from webhost_sync.routes.models import ErrorAnswer, ErrorDetail

RETRY_AFTER_SECONDS = 5
HTTP_CODES = {404: "no_such_endpoint", 405: "method_not_allowed"}
"""Errors that the router finds, before any endpoint is reached."""
_OF_STORE: Mapping[type[StoreError], type[SyncError]] = {
    Unavailable: StoreUnavailable,
    SchemaOutdated: StoreUnavailable,
    UnknownDocument: DocumentNotFound,
    EpochMismatch: WrongEpoch,
    Quarantined: DocumentQuarantined,
    CorruptDocument: DocumentQuarantined,
}


def error_of(error: Exception) -> SyncError:
    """The error as clients know it; `Internal` for what is none of ours."""
    if isinstance(error, SyncError):
        return error
    return _OF_STORE.get(type(error), Internal)() if isinstance(error, StoreError) else Internal()


def is_unexpected(error: Exception) -> bool:
    """Whether this is a fault of the program, to be logged with where it happened."""
    return not isinstance(error, SyncError | HTTPException) and isinstance(error_of(error), Internal)


def answer_to(error: Exception) -> JSONResponse:
    """The answer to a request that ended with `error`."""
    if isinstance(error, HTTPException):
        code = HTTP_CODES.get(error.status_code, "http_error")
        message = "there is nothing at this path; GET /api/docs lists what there is"
        if error.status_code != 404:
            message = f"{error.detail}; GET /api/docs shows how it is called"
        return _json(error.status_code, code, message, retry=False, headers=dict(error.headers or {}))
    known = error_of(error)
    headers = {}
    if known.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if known.http_status == 413:
        headers["Connection"] = "close"  # the rest of the body is not read
    if known.http_status in (429, 503):
        headers["Retry-After"] = str(known.fields.get("retry_after", RETRY_AFTER_SECONDS))
    if isinstance(verdict := known.fields.get("verdict"), Verdict):
        headers |= {**verdict.headers, "Retry-After": str(verdict.retry_after)}
    return _json(known.http_status, known.code, str(known), retry=known.retry, headers=headers)


def _json(status: int, code: str, message: str, *, retry: bool, headers: dict[str, str]) -> JSONResponse:
    body = ErrorAnswer(error=ErrorDetail(code=code, message=message, retry=retry))
    return JSONResponse(body.model_dump(), status, {**headers, "Cache-Control": "no-store"})
