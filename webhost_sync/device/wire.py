"""The messages of the HTTP sync: `POST /api/documents/{name}/sync`.

State vectors and updates come in and go out as bytes. Knows no HTTP client. With `b` a byte array
behind its length as lib0 writes it, and an empty one standing for "none":

    request  = version=1  b(state vector)  b(update)
    answer   = version=1  b(state vector of the server, committed)  b(what the asker lacks)
    error    = JSON {"error": {"code", "message"}} under the HTTP status of `webhost_sync.errors`

The answer is sent when the update is committed, so it is the durable acknowledgement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

from webhost_sync.device.errors import Unreachable
from webhost_sync.errors import ClientFault, ProtocolError, SyncError, TryAgain
from webhost_sync.sync.lib0 import Reader, write_bytes
from webhost_sync.sync.protocol import decode_state_vector
from webhost_sync.sync.update import read_update

VERSION = 1
MEDIA_TYPE = "application/octet-stream"
EPOCH_HEADER = "X-Document-Epoch"
NEVER_SYNCED = "none"
"""In that header: a copy that has never met the server."""


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """What the server holds, and the update that brings the asker there (empty for nothing)."""

    state_vector: bytes
    diff: bytes


def sync_path(name: str) -> str:
    """The path of a document's HTTP sync; slashes in a name are kept."""
    return f"/api/documents/{quote(name, safe='/')}/sync"


def socket_path(name: str) -> str:
    """The path of a document's WebSocket."""
    return f"/sync/{quote(name, safe='/')}"


def write_request(state_vector: bytes, update: bytes) -> bytes:
    """Return the body of a request."""
    return bytes([VERSION]) + write_bytes(state_vector) + write_bytes(update)


def read_answer(body: bytes) -> SyncAnswer:
    """Read an answer to its last byte, including what its parts say.

    Raises Unreachable for anything else: a captive portal also answers 200.
    """
    try:
        reader = Reader(body)
        if reader.read_byte() != VERSION:
            raise reader.error("unknown version")
        answer = SyncAnswer(reader.read_bytes(), reader.read_bytes())
        if reader.remaining:
            raise reader.error("more bytes than an answer has")
        decode_state_vector(answer.state_vector)
        if answer.diff:
            read_update(answer.diff)
    except ProtocolError as fault:
        raise Unreachable(f"something answered, but not with a sync answer ({fault.detail})") from fault
    return answer


def read_error(status: int, body: bytes, retry_after: str | None = None) -> SyncError:
    """Return what the server raised, to be raised here again.

    Only an error in our own form can be permanent. Everything else is by somebody on the way, a proxy or
    a hotel's login page, and must not make the device give up on a document.
    """
    try:
        error = json.loads(body)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"something answered with HTTP status {status}, but it is not the server")
    kind = _by_code(SyncError, code)
    if kind is None:
        kind = TryAgain if status == 429 or status >= 500 else ClientFault
        message = f"{code}: {message}"
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
    return kind(_detail(kind, message), status=status, retry_after_seconds=seconds)


def error_of_close(close_code: int, reason: str) -> SyncError:
    """Return the error behind a WebSocket's close code; what is not in the table is the weather."""
    kind = _by_close_code(SyncError, close_code)
    if kind is not None:
        return kind(_detail(kind, reason), close_code=close_code)
    if 4400 <= close_code < 4500:
        return ClientFault(f"close code {close_code} {reason}".rstrip())
    return Unreachable(f"the connection ended with code {close_code} {reason}".rstrip())


def _detail(kind: type[SyncError], message: str) -> str:
    """What a message says beyond the sentence that its class says by itself."""
    return message.removeprefix(str(kind())).removeprefix(": ")


def _by_code(kind: type[SyncError], code: str) -> type[SyncError] | None:
    if kind.code == code:
        return kind
    return next((found for child in kind.__subclasses__() if (found := _by_code(child, code))), None)


def _by_close_code(kind: type[SyncError], close_code: int) -> type[SyncError] | None:
    for child in kind.__subclasses__():
        if child.close_code == close_code:
            return child
        if found := _by_close_code(child, close_code):
            return found
    return None
