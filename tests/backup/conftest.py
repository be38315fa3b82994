"""A database with two tenants that have documents, positions and people; and where it is restored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Doc, Map
from sqlalchemy import insert

from store.contract import Document, NewUpdate, Tenant
from store.database import Database
from store.tenants import Tenants
from tests.postgres import create_database, drop_database, select
from tests.store.rows import ALL_TABLES, row
from webhost_sync.backup.making import Made, make_backup
from webhost_sync.backup.restoring import chain_of, restore_into
from webhost_sync.backup.shelf import FolderShelf
from webhost_sync.config import Settings
from webhost_sync.opening import Store, open_store

ROWS = ("vehicles", "gps_positions", "latest_positions", "position_feeds", "api_keys")


@dataclass
class Site:
    """A database in use, and a shelf for its backups."""

    url: str
    store: Store
    shelf: FolderShelf
    folder: Path
    tenants: list[Tenant]
    docs: dict[tuple[int, str], Doc[Any]]

    async def write(self, tenant: Tenant, name: str, **values: object) -> Document:
        """Append one update a value, as one writer of the document does."""
        record = await self.store.log.open(tenant.id, name, create=True)
        doc = self.docs.setdefault((tenant.id, name), Doc())
        root = doc.get("data", type=Map)
        updates = []
        for key, value in values.items():
            before = doc.get_state()
            root[key] = value
            updates.append(NewUpdate(doc.get_update(before), "ada", "laptop", (1,)))
        await self.store.log.append(tenant.id, record.id, updates, epoch=record.epoch)
        return record

    async def back_up(self, **options: Any) -> Made:
        async with Database(self.url, statement_timeout=0) as database:
            return await make_backup(database, self.shelf, **options)

    async def restore(self, url: str, name: str, **options: Any) -> None:
        await restore_into(url, self.shelf, await chain_of(self.shelf, name), **options)


Ordered = dict[str, list[tuple[Any, ...]]]


async def rows_of(
    url: str, *, but: tuple[str, ...] = ("sessions", "sign_in_links", "backup_runs", "maintenance")
) -> Ordered:
    """All rows of all tables."""
    found = {}
    for name in ALL_TABLES:
        if name not in but:
            rows = await select(url, f"select * from {name}")
            found[name] = sorted((tuple(each) for each in rows), key=repr)
    return found


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    async with open_store(settings, database_url) as store:
        spaces = [
            space for slug in ("acme", "bolt") for space in await Tenants(store.database).create(slug, slug)
        ]
        found = Site(database_url, store, FolderShelf(tmp_path / "backups"), tmp_path / "backups", spaces, {})
        async with store.database.owner() as connection:
            for number, tenant in enumerate(spaces, start=100):
                user = {
                    "id": UUID(int=number),
                    "email": f"u{number}@a.example",
                    "name": "u",
                    "password_hash": "argon2",
                }
                await connection.execute(insert(ALL_TABLES["users"]).values(user))
                for name in (*ROWS, "memberships"):
                    values = row(ALL_TABLES[name], tenant.id, number)
                    await connection.execute(insert(ALL_TABLES[name]).values(values))
        for tenant in spaces:
            await found.write(tenant, "notes", a=1, b="two")
            vehicles = await found.write(tenant, "tables/vehicles", bus="7")
            async with store.database.owner() as connection:
                version = {**row(ALL_TABLES["document_versions"], tenant.id, 1), "document_id": vehicles.id}
                await connection.execute(insert(ALL_TABLES["document_versions"]).values(version))
        yield found


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database in which nothing was ever made."""
    url = await create_database(postgres_url)
    yield url
    await drop_database(url)
