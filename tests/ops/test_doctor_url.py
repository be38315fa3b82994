"""The doctor from a client's side: over real proxies and TLS, with credentials of every kind."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from store.keys import Keys
from tests.app import running_app
from tests.cli.conftest import Run
from tests.eventually import eventually
from tests.ops.maintenance import maintenance
from tests.postgres import select, unreachable
from webhost_sync.ops.doctor.client import server_at, visit
from webhost_sync.ops.doctor.report import Finding, Verdict

CADDY = shutil.which("caddy", path=str(Path(sys.executable).parent))
UNKNOWN = "whs_live_" + "ab" * 32


async def visited(url: str, key: str | None = None, document: str | None = None) -> dict[str, Finding]:
    return {each.check: each for each in await visit(server_at(url), key, document)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_caddy(folder: Path, config: Path) -> subprocess.Popen[bytes]:
    assert CADDY is not None, "the package caddyserver is missing"
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "caddy.log").open("w") as log:
        return subprocess.Popen(
            [CADDY, "run", "--config", str(config)], env=environment, stdout=log, stderr=log
        )


@asynccontextmanager
async def caddy(folder: Path, site: str) -> AsyncIterator[int]:
    """A real Caddy with this site on a port of its own."""
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(
        f"{{\n admin off\n skip_install_trust\n auto_https disable_redirects\n}}\n{site}".replace(
            "PORT", str(port)
        )
    )
    process = run_caddy(folder, config)
    try:

        def listens() -> bool:
            assert process.poll() is None, (folder / "caddy.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await eventually(listens, within=90)
        yield port
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def test_a_server_in_order_passes_every_step_and_nothing_is_left_behind(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant(), "read", "write", "admin")
        found = await visited(app.url, key.text)
        assert {each.verdict for each in found.values()} <= {Verdict.OK, Verdict.NOT_APPLICABLE}
        assert list(found) == [
            "DNS", "TCP", "TLS", "health", "WebSocket upgrade", "credential", "round trip", "sync",
            "durable write",
        ]  # fmt: skip
        assert "its document is gone again" in found["durable write"].evidence
        assert await select(database_url, "select from documents") == []


async def test_a_key_without_admin_says_what_it_left_and_one_that_reads_writes_nothing(
    database_url: str,
) -> None:
    async with running_app(database_url) as app:
        tenant = await app.tenant()
        writer, reader = await app.key(tenant, "read", "write"), await app.key(tenant, "read")
        assert "it left 'doctor/" in (await visited(app.url, writer.text))["durable write"].evidence
        read = (await visited(app.url, reader.text))["durable write"]
        assert (read.verdict, "may only read" in read.evidence) == (Verdict.NOT_APPLICABLE, True)
        one = await app.key(tenant, "read", "write", documents=("notes",))
        assert "--document NAME" in (await visited(app.url, one.text))["sync"].evidence
        named = await visited(app.url, one.text, "notes")
        assert (named["sync"].verdict, "durable write" in named) == (Verdict.OK, False)


async def test_what_is_wrong_with_a_credential_is_told_apart(database_url: str) -> None:
    async with running_app(database_url) as app:
        tenant = await app.tenant()
        key = await app.key(tenant)
        expired = app.token(key, lifetime=-5)
        await Keys(app.services.database).revoke(tenant.id, key.record.id)
        for credential, words in (
            ("whs_live_abc", "64 hex digits after whs_live_, this one has 3"),
            (UNKNOWN, "there is no API key whs_live_abababab"),
            (key.text, "key_revoked"),
            (expired, "token_expired"),
        ):
            found = await visited(app.url, credential)
            assert found["credential"].verdict is Verdict.FAILED
            assert words in found["credential"].evidence
            assert found["credential"].remedy
            assert credential not in str(found) or credential == "whs_live_abc"
            assert "sync" not in found, "there is no use in going on"


async def test_a_proxy_that_drops_the_upgrade_is_named_and_one_that_passes_it_is_no_hindrance(
    database_url: str, tmp_path: Path
) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant(), "read", "write", "admin")
        to = app.url.removeprefix("http://")
        good = f"http://127.0.0.1:PORT {{\n reverse_proxy {to}\n}}\n"
        async with caddy(tmp_path, good) as port:
            found = await visited(f"http://127.0.0.1:{port}", key.text)
            assert found["durable write"].verdict is Verdict.OK
        bad = (
            f"http://127.0.0.1:PORT {{\n request_header -Upgrade\n request_header -Connection\n"
            f" reverse_proxy {to}\n}}\n"
        )
        async with caddy(tmp_path, bad) as port:
            found = await visited(f"http://127.0.0.1:{port}", key.text)
        upgrade = found["WebSocket upgrade"]
        assert upgrade.verdict is Verdict.FAILED
        assert "a proxy drops the Upgrade header" in upgrade.evidence
        assert "Caddy" in upgrade.evidence
        assert "proxy_set_header Upgrade $http_upgrade" in upgrade.remedy


async def untrusted(url: str) -> None:
    """A Caddy that has just started has no certificate yet."""
    found = (await visited(url))["TLS"]
    assert found.verdict is Verdict.FAILED
    assert "unable to get local issuer certificate" in found.evidence


def root_of(folder: Path) -> str:
    """The certificate of Caddy's own authority."""
    return str(next(folder.rglob("root.crt")))


async def test_a_certificate_is_verified_and_its_end_told(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant(), "read", "write", "admin")
        to = app.url.removeprefix("http://")
        site = f"https://localhost:PORT {{\n bind 127.0.0.1\n tls internal\n reverse_proxy {to}\n}}\n"
        async with caddy(tmp_path, site) as port:
            await eventually(lambda: untrusted(f"https://localhost:{port}"))
            plain = (await visited(f"https://127.0.0.1:{app.url.rpartition(':')[2]}"))["TLS"]
            assert plain.verdict is Verdict.FAILED
            monkeypatch.setenv("SSL_CERT_FILE", root_of(tmp_path))
            assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 1
            found = await visited(f"https://localhost:{port}", key.text)
        # Caddy's own certificates live for twelve hours.
        assert found["TLS"].verdict is Verdict.WARNING
        assert "valid until 20" in found["TLS"].evidence
        assert found["durable write"].verdict is Verdict.OK


async def test_a_name_or_a_port_where_nothing_is_ends_it_there(database_url: str) -> None:
    assert list(await visited("https://no-such-host.invalid")) == ["DNS"]
    refused = await visited(f"http://127.0.0.1:{free_port()}")
    assert list(refused) == ["DNS", "TCP"]
    assert refused["TCP"].verdict is Verdict.FAILED
    assert "firewall" in refused["TCP"].remedy


async def test_a_sick_server_says_so_and_one_in_maintenance_too(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant(), "read", "write", "admin")
        async with maintenance(app):
            found = await visited(app.url, key.text)
            assert (found["health"].verdict, found["health"].remedy) == (
                Verdict.WARNING,
                "wait, or: webhost-sync maintenance off",
            )
        async with unreachable(database_url):
            await eventually(lambda: sick(app.url))
            found = await visited(app.url, key.text)
            assert "webhost-sync doctor" in found["health"].remedy
            assert "store_unavailable" in found["credential"].evidence


async def sick(url: str) -> bool:
    return (await visited(url))["health"].verdict is Verdict.FAILED


def test_a_key_comes_by_a_variable_and_never_on_the_command_line(run: Run) -> None:
    refused = run("doctor", "--url", "http://127.0.0.1:1", "--key", UNKNOWN)
    assert refused.code == 2
    assert UNKNOWN not in refused.out
    nothing = run("doctor", "--url", "http://127.0.0.1:1", "--json", WEBHOST_SYNC_KEY=UNKNOWN)
    assert nothing.code == 1
    assert UNKNOWN not in nothing.out + nothing.err
    assert run("doctor", "--url", "ftp://x").code == 2
