"""A Postgres that has PostGIS, whatever this machine has: `server.mjs`, migrated, with two fleets."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.migrate import turn_extensions_on, upgrade
from tests.cli.conftest import bare_folder, run
from tests.postgis.fleets import FLEETS
from tests.store.logs import execute

__all__ = ["bare_folder", "run"]

SERVER = Path(__file__).with_name("server.mjs")
OWNER = "fleet_owner"


@dataclass(frozen=True)
class Site:
    """`url` is a superuser's; `owner_url` that of the schema's owner, who may make no extension."""

    url: str

    @property
    def owner_url(self) -> str:
        return self.url.replace("postgres@", f"{OWNER}@", 1)

    def do(self, *statements: str) -> None:
        """As a superuser."""
        for statement in statements:
            asyncio.run(execute(self.url, statement))

    def without_postgis(self) -> None:
        self.do("drop extension if exists postgis cascade", "drop schema if exists places")

    def with_postgis(self) -> None:
        """As after a superuser's `create extension` and the owner's `webhost-sync migrate`."""
        self.do("create extension if not exists postgis")
        assert turn_extensions_on(self.owner_url).hindrance == ""


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="gis-") as folder,
        subprocess.Popen(
            ["node", SERVER, f"{folder}/.s.PGSQL.5432"], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            site = Site(f"postgresql://postgres@/postgres?host={folder}")
            site.do(f"create role {OWNER} login createrole", f"grant create on schema public to {OWNER}")
            upgrade(site.owner_url)
            site.do(*FLEETS)
            yield site
        finally:
            process.kill()
