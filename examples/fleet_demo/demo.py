"""The course of the demo: a database with a tenant, two processes, the replay, and what to look at then.

Everything that is kept lies in the data folder and the database, so that whatever is killed, the next
start goes on from there.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from examples.fleet_demo.children import running_children
from examples.fleet_demo.recording import Recording
from examples.fleet_demo.replay import Fleet, Pace
from examples.fleet_demo.rows import Rows, read_rows
from examples.fleet_demo.screen import Screen
from store.contract import Unavailable
from store.database import Database
from store.tenants import Tenants
from webhost_sync.cli.serving import tokens_of, url_of
from webhost_sync.config import Settings
from webhost_sync.development import Credentials, development_credentials, development_link
from webhost_sync.postgres import Postgres, embedded_is_running

SLUG = "demo"
LOOK_INTERVAL = 0.5
PROJECTION_PATIENCE = 60.0
"""Seconds without a new row after which the projection counts as stuck."""
LIMITS = dict.fromkeys(("api", "upload", "connect"), 1_000_000)
"""A day in minutes, of a whole fleet at one address with one key: more than a real one would ask for."""


class PostgresGone(Exception):
    """The embedded Postgres has been killed."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the demo was asked to do."""

    recording: Recording
    pace: Pace
    exit_when_done: bool


class Demo:
    """One run over one running Postgres."""

    def __init__(
        self,
        choices: Choices,
        settings: Settings,
        postgres: Postgres,
        listening: socket.socket,
        console: Console,
    ) -> None:
        self._choices = choices
        self._settings = settings
        self._postgres = postgres
        self._listening = listening
        self._console = console
        self._rows: Rows | None = None

    def hurry(self) -> None:
        """Let the rest of the day pass as fast as it can."""
        self._choices.pace.hurry()

    async def run(self) -> bool:
        """Replay to the end; tell whether the tables hold what they should.

        Raises: ExceptionGroup, of PostgresGone among others.
        """
        settings, url = self._settings, url_of(self._listening)
        devices = settings.data_dir / "devices"
        _make_folder(devices)
        async with Database(self._postgres.url) as database:
            credentials = await self._sign_in(database)
            link = await development_link(database, credentials.tenant, url=url)
            self._introduce(url, credentials, link)
            recording = self._choices.recording
            fleet = Fleet(recording, devices, url, credentials.key, self._choices.pace)
            async with running_children(
                self._postgres.url, settings.data_dir, self._listening, self._console
            ):
                return await self._replay(fleet, database, credentials.tenant.id)

    async def _sign_in(self, database: Database) -> Credentials:
        credentials = await development_credentials(
            database,
            tokens_of(self._settings),
            self._settings.data_dir,
            slug=SLUG,
            name="Capital Metro (demo)",
            lifetime=timedelta(seconds=self._settings.token_max_lifetime),
        )
        tenant = credentials.tenant
        await Tenants(database).set_limits(tenant.slug, tenant.environment, LIMITS)
        return credentials

    async def _replay(self, fleet: Fleet, database: Database, tenant_id: int) -> bool:
        screen = Screen(self._console, fleet.total)
        with screen.shown():
            async with asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(self._look(screen, fleet, database, tenant_id))
                started = time.monotonic()
                await fleet.play()
                right = await self._projected(fleet)
                self._conclude(fleet, time.monotonic() - started, right=right)
                if not self._choices.exit_when_done:
                    self._console.print("The server stays up. Stop with Ctrl-C.")
                    await asyncio.Event().wait()
                looking.cancel()
        return right

    async def _look(self, screen: Screen, fleet: Fleet, database: Database, tenant_id: int) -> None:
        """Ask the database again and again, and show what it says."""
        while True:
            try:
                self._rows = await read_rows(database, tenant_id)
            except Unavailable:
                self._rows = None
                if self._postgres.embedded and not embedded_is_running(self._settings):
                    raise PostgresGone from None
            screen.update(fleet, self._rows)
            await asyncio.sleep(LOOK_INTERVAL)

    async def _projected(self, fleet: Fleet) -> bool:
        """Wait for the rows; False when no more come and they are not what they should be."""
        before, changed = self._rows, time.monotonic()
        while not self._complete(fleet):
            if self._rows != before:
                before, changed = self._rows, time.monotonic()
            if time.monotonic() > changed + PROJECTION_PATIENCE:
                return False
            await asyncio.sleep(LOOK_INTERVAL)
        return True

    def _complete(self, fleet: Fleet) -> bool:
        rows = self._rows
        return rows is not None and (rows.positions, rows.vehicles) == (fleet.total, fleet.buses)

    def _introduce(self, url: str, credentials: Credentials, link: str) -> None:
        folder = self._settings.data_dir
        file = credentials.key_file
        key = f"{credentials.key} (kept in {file})" if credentials.made_now else f"in {file}"
        lines = (
            f"server    {url}",
            f"dashboard {link}",
            "          (signs you in, once)",
            f"sockets   {url.replace('http', 'ws', 1)}/sync/{{document}}",
            f"database  {'embedded, in ' + str(folder) if self._postgres.embedded else 'DATABASE_URL'}",
            f"logs      {folder}/server.log, {folder}/projector.log",
            f"key       {key}",
            f"token     {credentials.token}",
            "",
            "Try it meanwhile, in another terminal:",
            f'  curl -H "Authorization: Bearer $(cat {file})" {url}/api/vehicles',
            f"  DATA_DIR={folder} webhost-sync key list --tenant {SLUG}",
            "",
        )
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def _conclude(self, fleet: Fleet, seconds: float, *, right: bool) -> None:
        rows = self._rows or Rows(0, 0, ())
        expected = f"{fleet.total} positions and {fleet.buses} vehicles"
        found = f"{rows.positions} rows in gps_positions, {rows.vehicles} in vehicles"
        verdict = "as it should be" if right else f"WRONG: it should be {expected}"
        self._console.print(f"After {seconds:.0f} s: {found}: {verdict}", soft_wrap=True)


def _make_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
