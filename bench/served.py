"""Our server as a process over a database that is there, and a person who looks at its dashboard.

The database, a folder and settings come in; an address, or a client that is signed in, goes out. Whoever
measures what a new process does starts one after another over the same database.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from bench.servers import answers, free_port
from store.audit import SYSTEM
from store.contract import Tenant
from store.database import Database
from store.sessions import Sessions
from store.users import MemberRole, Users
from webhost_sync.auth.links import sign_in_link

NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
UNLIMITED = MappingProxyType({"RATE_LIMIT_PAGE": "0", "RATE_LIMIT_API": "0"})
"""One person asks as fast as they can."""
EMAIL = "bench@webhost.example"
WAIT = 60.0
_PROOF = re.compile(r'name="proof" value="([0-9a-f]{64})"')


@asynccontextmanager
async def served(
    database_url: str, folder: Path, settings: Mapping[str, str] = NOTHING_MORE
) -> AsyncIterator[str]:
    """A server process with its own limits, but for the settings that are given; its address."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "warning",
        "TOKEN_SIGNING_SECRET": secrets.token_hex(32),
        # As installed: what Python and the templates are compiled to is there, but for the first of all.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        **settings,
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "webhost_sync.cli.main", "serve", env=environment, stdout=log, stderr=log
        )
    try:
        while not await answers(port):
            assert process.returncode is None, (folder / "log").read_text()[-1000:]
            await asyncio.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Person:
    """Somebody who looks at a tenant's dashboard, and stays signed in while processes come and go."""

    database_url: str
    folder: Path
    tenant: Tenant
    _cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    _secret: str = field(default_factory=lambda: secrets.token_hex(32))

    @property
    def space(self) -> str:
        """The address of all pages of the tenant's space."""
        return f"/dashboard/{self.tenant.slug}/{self.tenant.environment.value}"

    async def sign_in(self, database: Database) -> None:
        """Make the account, and follow a link by which it is signed in."""
        await Users(database).create(
            EMAIL, "Bench", None, slug=self.tenant.slug, role=MemberRole.ADMIN, deed=SYSTEM
        )
        async with self.at_new_process() as client:
            link = await sign_in_link(Sessions(database), EMAIL, url="", deed=SYSTEM)
            page = await client.get(link)
            found = _PROOF.search(page.text)
            assert found is not None, page.text
            form = {"proof": found[1], "token": link.partition("token=")[2]}
            answer = await client.post("/dashboard/link", data=form)
            assert answer.status_code == 303, answer.text
            self._cookies = client.cookies

    @asynccontextmanager
    async def at_new_process(
        self, settings: Mapping[str, str] = NOTHING_MORE
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Start a server, and look at it until the block ends. It has answered one request, with an error."""
        chosen = {**UNLIMITED, "TOKEN_SIGNING_SECRET": self._secret, **settings}
        async with (
            served(self.database_url, self.folder, chosen) as address,
            httpx.AsyncClient(
                base_url=f"http://{address}", cookies=self._cookies, trust_env=False, timeout=WAIT
            ) as client,
        ):
            yield client


async def look(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """A page as a browser asks for it. Raises: RuntimeError where it is refused."""
    answer = await client.get(path, headers={"Accept": "text/html"})
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    return answer
