"""A webhost-sync server in a process of its own, over a database of the tests, with keys and tokens for
whoever they need. It can be killed and started again on the same port; what it had committed stays.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from store.contract import Environment
from store.database import Database
from store.keys import Keys
from store.tenants import Tenants
from tests.app import WITHOUT_RATE_LIMITS
from tests.eventually import eventually
from tests.postgres import clone_database, drop_database
from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.issuing import create_key
from webhost_sync.auth.keys import parse_key
from webhost_sync.auth.principals import Grant
from webhost_sync.auth.tokens import Tokens

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DOCUMENT_SCOPES = ("read", "write", "presence")


class SyncServer:
    """A server process. Invariants: 1. Its URLs stay the same over a restart. 2. Tenants are made when
    they are first named, and all of them are `test` tenants."""

    refusal_hold = 0.5
    """Seconds for which a refused client is held that comes back for the first time."""

    def __init__(self, database_url: str, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.database_url = database_url
        self.settings = dict(settings or {})
        """More settings, by the names of their environment variables; they count from the next start."""
        self._folder = folder
        self._port = free_port()
        self._secret = secrets.token_hex(32)
        self._tokens = Tokens([self._secret], max_lifetime=DAY)
        self._keys: dict[tuple[str, tuple[str, ...], tuple[str, ...]], str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What an app is given; without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def sync_url(self) -> str:
        """What a y-websocket provider is given."""
        return f"ws://127.0.0.1:{self._port}/sync"

    @property
    def collab_url(self) -> str:
        """What a Hocuspocus provider is given."""
        return f"ws://127.0.0.1:{self._port}/collab"

    async def start(self) -> None:
        """Start the process and wait until it listens."""
        process = self._spawn()

        def listens() -> bool:
            assert process.poll() is None, f"the server ended: {self._last_words()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self._port)) == 0

        await eventually(listens, within=180)

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def key_for(self, tenant: str, *scopes: str, documents: Sequence[str] = ("*",)) -> str:
        """The tenant's key with these scopes for these documents; the same one each time."""
        wanted = (tenant, scopes, tuple(documents))
        if wanted not in self._keys:
            async with Database(self.database_url) as database:
                tenants = Tenants(database)
                found = (
                    await tenants.find(tenant, Environment.TEST) or (await tenants.create(tenant, tenant))[1]
                )
                key, _ = await create_key(
                    Keys(database),
                    found,
                    name="interop",
                    secret=secrets.token_bytes(32),
                    scopes=scopes,
                    documents=documents,
                )
            self._keys[wanted] = key.text
        return self._keys[wanted]

    async def revoke(self, key: str) -> None:
        """Revoke a key, as an admin does."""
        async with Database(self.database_url) as database:
            keys = Keys(database)
            found = await keys.find(parse_key(key).hash)
            assert found is not None
            stored, tenant = found
            await keys.revoke(tenant.id, stored.id)

    async def token_for(self, tenant: str, *scopes: str, lifetime: float = 600) -> str:
        """A token of the tenant for every document, valid for so many seconds from now (or until so many
        seconds ago)."""
        key = await self.key_for(tenant, *DOCUMENT_SCOPES)
        async with Database(self.database_url) as database:
            issuer = await Authenticator(Keys(database), self._tokens).authenticate(key)
        now = datetime.now(UTC)
        holder = replace(
            issuer,
            subject="somebody",
            grants=(Grant.of("*", scopes),),
            token_id=secrets.token_hex(8),
            expires_at=now + timedelta(seconds=lifetime),
        )
        # As if signed an hour ago, so that it can have expired since
        return self._tokens.issue(holder, now=now - HOUR)

    def _spawn(self) -> subprocess.Popen[bytes]:
        # Not asyncio's: the process outlives the event loop of the test in which it is started.
        environment = {
            "DATABASE_URL": self.database_url,
            "DATA_DIR": str(self._folder),
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "TOKEN_SIGNING_SECRET": self._secret,
            "REFUSAL_HOLD": str(self.refusal_hold),
            **{name.upper(): str(amount) for name, amount in WITHOUT_RATE_LIMITS.items()},
            **self.settings,
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "webhost_sync.cli.main", "serve"],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        return self._process

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


@contextmanager
def sync_server(database_url: str) -> Iterator[SyncServer]:
    """Run a server over a migrated database until the block ends."""
    with TemporaryDirectory(prefix="sync-") as folder:
        server = SyncServer(database_url, Path(folder))
        asyncio.run(server.start())
        try:
            yield server
        finally:
            server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_process(template_url: str) -> Iterator[SyncServer]:
    """A server over a database of its own, for fixtures."""
    database_url = asyncio.run(clone_database(template_url))
    with sync_server(database_url) as server:
        yield server
    asyncio.run(drop_database(database_url))
