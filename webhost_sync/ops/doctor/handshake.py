"""Speaks the y-websocket protocol with a server as a client does: reads a document, writes to one.

The document is the doctor's own, with a name that nobody else has; it is deleted for good afterwards, where
the key has the scope `admin`. With a key that may not write it is only read.
"""

from __future__ import annotations

import secrets
import ssl
import time
from typing import TypeVar
from urllib.parse import quote

import httpx
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from webhost_sync.ops.doctor.report import Finding, failed, not_applicable, ok, warning
from webhost_sync.sync.protocol import PermissionDenied, SyncStep1, SyncStep2, SyncUpdate, decode, encode

FOLDER = "doctor"
SLOW_SECONDS = 1.0
CHECK = "durable write"
Kind = TypeVar("Kind")


class _Refused(Exception):
    """The server said why not."""


async def exercise(
    http: str, ws: str, context: ssl.SSLContext | None, credential: str, document: str | None
) -> list[Finding]:
    """Open, read, write, and remove. Raises: OSError."""
    name = document or f"{FOLDER}/{secrets.token_hex(8)}"
    headers = {"Authorization": f"Bearer {credential}"}
    address = f"{ws}/sync/{quote(name)}"
    try:
        async with connect(address, ssl=context, additional_headers=headers, proxy=None) as socket:
            findings = await _read(socket, name)
            findings += [] if document else [await _write(socket)]
    except _Refused as error:
        return [_refused(str(error), name)]
    except ConnectionClosed as error:
        code = error.rcvd.code if error.rcvd else 1006
        reason = error.rcvd.reason if error.rcvd else "the connection broke, without a close frame"
        remedy = "what cuts it? docs/protocol.md lists the codes; 1006 is a proxy or the network"
        return [failed("sync", f"closed with {code}: {reason}", remedy)]
    if document is None:
        findings[-1] = await _removed(findings[-1], http, context, headers, name)
    return findings


async def _read(socket: ClientConnection, name: str) -> list[Finding]:
    await socket.send(encode(SyncStep1(b"\x00")))
    await _next(socket, SyncStep2)  # who is refused is held without being read, and gets no pong
    started = time.monotonic()
    await (await socket.ping())
    took = time.monotonic() - started
    ended = ok("round trip", f"{took * 1000:.0f} ms")
    if took > SLOW_SECONDS:
        ended = warning("round trip", f"{took * 1000:.0f} ms", "is the server busy, or far away?")
    return [ended, ok("sync", f"the handshake of {name!r} is complete")]


async def _write(socket: ClientConnection) -> Finding:
    doc: Doc[Map[object]] = Doc()
    doc.get("doctor", type=Map)["was here"] = True
    started = time.monotonic()
    await socket.send(encode(SyncUpdate(doc.get_update())))
    try:
        await _next(socket, SyncUpdate)
    except _Refused as error:
        if "read-only" in str(error):
            return not_applicable(CHECK, "this key may only read; reading works")
        if "maintenance" in str(error):
            return warning(CHECK, str(error), "webhost-sync maintenance off")
        return failed(CHECK, str(error), "webhost-sync doctor  (on the server)")
    return ok(CHECK, f"committed and acknowledged in {(time.monotonic() - started) * 1000:.0f} ms")


async def _removed(
    written: Finding, http: str, context: ssl.SSLContext | None, headers: dict[str, str], name: str
) -> Finding:
    """Say what has become of the document."""
    async with httpx.AsyncClient(base_url=http, verify=context or True, trust_env=False) as client:
        path = f"/api/documents/{quote(name)}"
        answer = await client.delete(path, params={"now": "true"}, headers=headers)
    left = "; its document is gone again" if answer.status_code == 200 else f"; it left {name!r} behind"
    return Finding(written.check, written.verdict, written.evidence + left, written.remedy)


def _refused(reason: str, name: str) -> Finding:
    if "no such document" in reason:
        return not_applicable(
            "sync", f"this key may not open {name!r}; name one that it may read with --document NAME"
        )
    return failed("sync", reason, "check the rights of the key: webhost-sync key list --tenant SLUG")


async def _next(socket: ClientConnection, kind: type[Kind]) -> Kind:
    """The next message of a kind. Raises: _Refused, ConnectionClosed."""
    while True:
        frame = await socket.recv()
        for message in decode(frame if isinstance(frame, bytes) else frame.encode()):
            if isinstance(message, kind):
                return message
            if isinstance(message, PermissionDenied) and not (
                kind is SyncStep2 and "maintenance" in message.reason
            ):
                raise _Refused(message.reason)
