"""Examines a server from a client's side, step by step, as far as it gets.

    name ─> TCP ─> TLS ─> health ─> WebSocket upgrade ─> credential ─> a document, read and written durably

In: the address people use, and a key or token. Out: findings; the first step that fails ends it, since the
next ones would fail for the same reason. What is written goes into a document of the doctor's own, which is
deleted again where the key may do that.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from webhost_sync.ops.doctor.handshake import exercise
from webhost_sync.ops.doctor.report import Finding, Verdict, failed, not_applicable, ok, warning

TIME_LIMIT = 10.0
"""Seconds for one step."""
ENDS_SOON = timedelta(days=14)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
UPGRADE_REMEDY = (
    "have the proxy pass the upgrade on; nginx: proxy_http_version 1.1; proxy_set_header Upgrade "
    '$http_upgrade; proxy_set_header Connection "upgrade";  Caddy and Fly do it by themselves'
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is reached. `context` verifies its certificate; None without TLS."""

    host: str
    port: int
    netloc: str
    context: ssl.SSLContext | None

    @property
    def http(self) -> str:
        return f"{'https' if self.context else 'http'}://{self.netloc}"

    @property
    def ws(self) -> str:
        return f"{'wss' if self.context else 'ws'}://{self.netloc}"


def server_at(url: str) -> Server:
    """Raises: ValueError for what is no address of a server."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ValueError(f"{url!r} is no address; it is written like https://sync.example")
    secure = parts.scheme in ("https", "wss")
    netloc = parts.netloc.rpartition("@")[2]
    context = ssl.create_default_context() if secure else None
    return Server(parts.hostname, parts.port or (443 if secure else 80), netloc, context)


async def visit(server: Server, credential: str | None, document: str | None) -> list[Finding]:
    """Walk as far as it goes. `document` is read instead of writing to one of the doctor's own."""
    findings: list[Finding] = []
    steps: list[Callable[[], Awaitable[list[Finding]]]] = [
        lambda: _name(server),
        lambda: _tcp(server),
        lambda: _tls(server),
        lambda: _health(server),
        lambda: _upgrade(server),
        lambda: _credential(server, credential),
    ]
    if credential:
        steps.append(lambda: exercise(server.http, server.ws, server.context, credential, document))
    for step in steps:
        try:
            async with asyncio.timeout(TIME_LIMIT):
                findings += await step()
        except TimeoutError:
            findings.append(
                failed("answer", f"none in {TIME_LIMIT:g} s", "check network, firewall and proxy")
            )
        except (OSError, httpx.HTTPError, InvalidHandshake) as error:
            why = str(error) or type(error).__name__
            findings.append(failed("answer", why, "run it again, and read the logs of server and proxy"))
        # A sick server may still be examined further; without a way there nothing can.
        if any(each.verdict is Verdict.FAILED and each.check != "health" for each in findings):
            break
    return findings


async def _name(server: Server) -> list[Finding]:
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        remedy = f"correct the name, or its DNS records (`dig {server.host}`)"
        return [failed("DNS", f"{server.host}: {error.strerror}", remedy)]
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    return [ok("DNS", f"{server.host} is {addresses}")]


async def _tcp(server: Server) -> list[Finding]:
    started = time.monotonic()
    try:
        _, writer = await asyncio.open_connection(server.host, server.port)
    except OSError as error:
        why = error.strerror or str(error)
        remedy = "start the server or its proxy, and open the port in the firewall"
        return [failed("TCP", f"{server.host} port {server.port}: {why.lower()}", remedy)]
    writer.close()
    return [ok("TCP", f"port {server.port} in {_milliseconds(started)}")]


async def _tls(server: Server) -> list[Finding]:
    if server.context is None:
        if server.host in LOOPBACK:
            return [not_applicable("TLS", "http on this machine")]
        return [warning("TLS", "http: keys and data go in the clear", "put a proxy with TLS in front of it")]
    try:
        _, writer = await asyncio.open_connection(
            server.host, server.port, ssl=server.context, server_hostname=server.host
        )
    except ssl.SSLCertVerificationError as error:
        return [failed("TLS", error.verify_message, "renew or correct the certificate of the proxy")]
    except ssl.SSLError as error:
        remedy = "correct the proxy's TLS; is this port one of http?"
        return [failed("TLS", error.reason or str(error), remedy)]
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    return [_certificate(str(certificate.get("notAfter", "")))]


def _certificate(not_after: str) -> Finding:
    if not not_after:
        return ok("TLS", "the certificate is valid")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    evidence = f"the certificate is valid until {ends:%Y-%m-%d}"
    if ends - datetime.now(UTC) < ENDS_SOON:
        return warning("TLS", evidence, "renew it now, and see why it wasn't renewed by itself")
    return ok("TLS", evidence)


async def _health(server: Server) -> list[Finding]:
    async with _client(server) as client:
        answer = await client.get("/health")
    via = _via(answer.headers)
    try:
        health = answer.json()
        status, database = str(health["status"]), str(health["database"])
    except (ValueError, KeyError, TypeError):
        evidence = f"HTTP {answer.status_code}{via}, and no health of webhost-sync"
        remedy = "is it this server? have the proxy pass /health, /api, /sync and /collab on to it"
        return [failed("health", evidence, remedy)]
    if status == "unhealthy":
        return [failed("health", f"unhealthy: database {database}", "webhost-sync doctor  (on the server)")]
    if status != "healthy":
        why = str(health.get("maintenance") or "it is going away")
        return [warning("health", f"{status}: {why}", "wait, or: webhost-sync maintenance off")]
    return [ok("health", f"healthy, version {health.get('version')}{via}")]


async def _upgrade(server: Server) -> list[Finding]:
    try:
        async with connect(f"{server.ws}/collab", ssl=server.context, open_timeout=TIME_LIMIT, proxy=None):
            return [ok("WebSocket upgrade", "the socket opens")]
    except InvalidStatus as error:
        response = error.response
        via = _via(response.headers)
        if b"no_such_endpoint" in (response.body or b""):
            evidence = (
                f"the request arrives at the server as plain HTTP{via}: a proxy drops the Upgrade header"
            )
            return [failed("WebSocket upgrade", evidence, UPGRADE_REMEDY)]
        evidence = f"HTTP {response.status_code} in place of 101{via}: what stands before it refuses sockets"
        return [failed("WebSocket upgrade", evidence, UPGRADE_REMEDY)]
    except InvalidHandshake as error:
        return [failed("WebSocket upgrade", f"{error}: a proxy spoils the handshake", UPGRADE_REMEDY)]


async def _credential(server: Server, credential: str | None) -> list[Finding]:
    if not credential:
        evidence = "no key was given (WEBHOST_SYNC_KEY, or --key -), so nothing behind it was tried"
        return [not_applicable("credential", evidence)]
    async with _client(server) as client:
        headers = {"Authorization": f"Bearer {credential}"}
        answer = await client.get("/api/documents", params={"limit": 1}, headers=headers)
    if answer.status_code == 200:
        return [_space(server, credential)]
    try:
        error = answer.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = f"HTTP {answer.status_code}", f"no answer of webhost-sync{_via(answer.headers)}"
    return [failed("credential", f"{code}: {message}", _REMEDIES.get(code, "read the server's log"))]


_REMEDIES = {
    "not_authenticated": "webhost-sync key create --tenant SLUG --scopes read,write",
    "key_revoked": "webhost-sync key create --tenant SLUG --scopes read,write  (a revoked key stays so)",
    "token_expired": "get a new token: POST /api/tokens, or webhost-sync token",
    "too_many_requests": "wait as long as Retry-After says, or raise the limit of this tenant",
    "maintenance": "webhost-sync maintenance off",
    "store_unavailable": "webhost-sync doctor  (on the server)",
}


def _space(server: Server, credential: str) -> Finding:
    if credential.startswith("whs_test_") and server.host not in LOOPBACK:
        return warning(
            "credential",
            "a test key: it opens the test space, and live data is not seen with it",
            "webhost-sync key create --tenant SLUG --scopes read,write  (without --test)",
        )
    kind = "test" if credential.startswith("whs_test_") else "live"
    return ok("credential", f"a key of the {kind} space" if credential.startswith("whs_") else "a token")


def _client(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=server.http, verify=server.context or True, timeout=TIME_LIMIT, trust_env=False
    )


def _via(headers: object) -> str:
    """Which program answered, where it says so."""
    get = getattr(headers, "get", lambda name: None)
    named = [str(value) for value in (get("Server"), get("Via")) if value]
    return f" (by {', '.join(named)})" if named else ""


def _milliseconds(started: float) -> str:
    return f"{(time.monotonic() - started) * 1000:.0f} ms"
