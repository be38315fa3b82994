"""Caddy with the Caddyfile that is shipped, in front of a real server: real clients through real TLS. Its
authority is made for the test, and only the test's clients trust it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.processes import REPOSITORY
from tests.eventually import eventually
from tests.interop.peers import node_clients
from tests.server_process import DOCUMENT_SCOPES, SyncServer, free_port, server_process

pytestmark = pytest.mark.interop
CADDYFILE = REPOSITORY / "deploy" / "hetzner" / "Caddyfile"
CADDY = Path(sys.executable).parent / "caddy"


@dataclass
class Proxy:
    """A running Caddy."""

    port: int
    http_port: int
    authority: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self) -> httpx.AsyncClient:
        trust = ssl.create_default_context(cafile=str(self.authority))
        return httpx.AsyncClient(base_url=self.url, verify=trust)


@pytest.fixture(scope="module")
def server(template_url: str) -> Iterator[SyncServer]:
    yield from server_process(template_url)


@pytest.fixture
async def proxy(server: SyncServer, tmp_path: Path) -> AsyncIterator[Proxy]:
    log = tmp_path / "caddy.log"
    port, http_port = free_port(), free_port()
    environment = {
        "DOMAIN": "localhost",  # for which Caddy is its own authority
        "HTTPS_PORT": str(port),
        "HTTP_PORT": str(http_port),
        "CADDY_ADMIN": "off",
        "UPSTREAM": f"127.0.0.1:{server.port}",
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    process = spawn(environment, log)
    running = Proxy(port, http_port, tmp_path / "caddy/pki/authorities/local/root.crt", log)

    async def serves() -> None:
        assert process.poll() is None, log.read_text()
        try:
            async with running.client() as client:
                assert (await client.get("/health/live")).status_code == 200
        except (httpx.HTTPError, OSError) as error:
            raise AssertionError(log.read_text()[-2000:]) from error

    try:
        await eventually(serves, within=90)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def spawn(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stderr:
        return subprocess.Popen(
            [CADDY, "run", "--config", CADDYFILE, "--adapter", "caddyfile"],
            env={**os.environ, **environment},
            stdout=stderr,
            stderr=stderr,
        )


def test_the_caddyfile_is_valid_and_formatted() -> None:
    formatted = subprocess.run([CADDY, "fmt", CADDYFILE], capture_output=True, text=True)
    assert formatted.stdout == CADDYFILE.read_text()
    valid = subprocess.run(
        [CADDY, "validate", "--config", CADDYFILE, "--adapter", "caddyfile"], capture_output=True
    )
    assert valid.returncode == 0, valid.stderr


async def test_sockets_and_requests_go_through_tls_and_no_token_is_logged(
    proxy: Proxy, server: SyncServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(proxy.authority))
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    key = await server.key_for("acme", *DOCUMENT_SCOPES)
    sockets = proxy.url.replace("https", "wss")
    async with node_clients() as clients:
        anna = await clients.open("anna", "3.1.0", f"{sockets}/sync", "tls", params={"token": token})
        ben = await clients.open_collab("ben", "4.8.0", f"{sockets}/collab", "tls", token)
        await anna.edit("doc.getMap('m').set('through', 'tls')")
        await ben.sees("doc.getMap('m').toJSON()", {"through": "tls"})
        await ben.edit("doc.getMap('m').set('and', 'back')")
        await ben.is_saved()
        await anna.sees("doc.getMap('m').toJSON()", {"through": "tls", "and": "back"})
    async with proxy.client() as client:
        headers = {"Authorization": f"Bearer {key}"}
        document = await client.get("/api/documents/tls", headers=headers)
        assert document.json()["roots"]["m"] == {"through": "tls", "and": "back"}
        assert "max-age" in document.headers["strict-transport-security"]
        assert (await client.get("/metrics")).status_code == 404

    async def is_logged() -> None:
        assert "/sync/tls" in await asyncio.to_thread(proxy.log.read_text)

    await eventually(is_logged)
    log = proxy.log.read_text()
    assert "REDACTED" in log
    assert token not in log
    assert key not in log


async def test_http_leads_to_https(proxy: Proxy) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://localhost:{proxy.http_port}/api/docs")
    assert answer.status_code in (301, 308)
    assert answer.headers["location"].startswith("https://localhost")


async def test_a_restart_of_the_server_makes_requests_wait_and_fails_none(
    proxy: Proxy, server: SyncServer
) -> None:
    server.kill()
    async with proxy.client() as client:
        waiting = asyncio.create_task(client.get("/health/live", timeout=30))
        await server.start()
        assert (await waiting).status_code == 200
