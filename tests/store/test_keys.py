"""API keys in the database: found by hash, revoked for good, used without a write each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from store.changes import PostgresChanges
from store.changes_contract import RightsChanged
from store.contract import ApiKey, Environment, Tenant
from store.database import Database
from store.keys import Keys, UnknownKey
from store.roles import Role
from store.tenants import Tenants


@dataclass(frozen=True)
class World:
    """Two tenants, and the keys of the database."""

    database: Database
    keys: Keys
    acme: Tenant
    other: Tenant

    async def key(self, tenant: Tenant | None = None, number: int = 1, **fields: Any) -> ApiKey:
        return await self.keys.create(
            (tenant or self.acme).id,
            name="phone app",
            prefix=f"whs_live_{number:08x}",
            key_hash=number.to_bytes(32, "big"),
            scopes=["read", "write"],
            documents=["tables/*"],
            **fields,
        )


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with Database(database_url) as database:
        tenants = Tenants(database)
        acme, _ = await tenants.create("acme", "Acme")
        other, _ = await tenants.create("other", "Other")
        yield World(database, Keys(database), acme, other)


async def test_a_key_is_found_by_its_hash_with_its_tenant(world: World) -> None:
    key = await world.key()
    assert await world.keys.find((1).to_bytes(32, "big")) == (key, world.acme)
    assert (key.scopes, key.documents) == (("read", "write"), ("tables/*",))
    assert (key.environment, key.revoked_at, key.last_used_at) == (Environment.LIVE, None, None)


async def test_a_hash_of_no_key_finds_nothing(world: World) -> None:
    await world.key()
    assert await world.keys.find(bytes(32)) is None


async def test_a_tenant_lists_its_own_keys_only(world: World) -> None:
    first, second = await world.key(number=1), await world.key(number=2)
    await world.key(world.other, number=3)
    assert await world.keys.of_tenant(world.acme.id) == (first, second)


async def test_a_revoked_key_is_found_as_revoked_and_is_no_longer_valid(world: World) -> None:
    key = await world.key()
    revoked = await world.keys.revoke(world.acme.id, key.id)
    assert revoked.revoked_at is not None
    assert await world.keys.find((1).to_bytes(32, "big")) == (revoked, world.acme)
    assert await world.keys.still_valid([key.id]) == frozenset()


async def test_revoking_again_changes_nothing(world: World) -> None:
    key = await world.key()
    first = await world.keys.revoke(world.acme.id, key.prefix)
    assert await world.keys.revoke(world.acme.id, key.id) == first


async def test_a_key_of_another_tenant_cannot_be_revoked(world: World) -> None:
    key = await world.key(world.other)
    for name in (key.id, key.prefix):
        with pytest.raises(UnknownKey, match="no key"):
            await world.keys.revoke(world.acme.id, name)
    assert await world.keys.still_valid([key.id]) == {key.id}


async def test_two_keys_of_one_prefix_are_revoked_by_id(world: World) -> None:
    key = await world.key(number=1)
    await world.keys.create(
        world.acme.id, name="twin", prefix=key.prefix, key_hash=b"2" * 32, scopes=["read"]
    )
    with pytest.raises(UnknownKey, match="more than one key"):
        await world.keys.revoke(world.acme.id, key.prefix)


async def test_every_process_hears_of_a_revoked_key(world: World) -> None:
    key = await world.key()
    connect = partial(world.database.raw_connection, Role.APP)
    async with PostgresChanges(connect) as changes, changes.listen_rights() as heard:
        await world.keys.revoke(world.acme.id, key.id)
        assert await anext(heard) == RightsChanged(world.acme.id, key.id)


async def test_keys_of_any_tenant_are_checked_at_once(world: World) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    ours, theirs = await world.key(number=1), await world.key(world.other, number=2)
    expired = await world.key(number=3, expires_at=past)
    unknown = UUID(int=0)
    assert await world.keys.still_valid([ours.id, theirs.id, expired.id, unknown]) == {ours.id, theirs.id}
    assert await world.keys.still_valid([]) == frozenset()


async def test_a_use_is_noted_once_a_minute(world: World) -> None:
    key = await world.key()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(world.keys.touch(world.acme.id, key.id))
    (first,) = await world.keys.of_tenant(world.acme.id)
    await world.keys.touch(world.acme.id, key.id)
    assert await world.keys.of_tenant(world.acme.id) == (first,)
    assert first.last_used_at is not None

    async with world.database.owner() as connection:
        await connection.execute(text("update api_keys set last_used_at = now() - interval '61 seconds'"))
    await world.keys.touch(world.acme.id, key.id)
    (later,) = await world.keys.of_tenant(world.acme.id)
    assert later.last_used_at is not None
    assert later.last_used_at >= first.last_used_at


async def test_a_key_is_stored_without_its_text(world: World) -> None:
    await world.key()
    async with world.database.owner() as connection:
        columns = (await connection.execute(text("select * from api_keys"))).one()._mapping
    assert columns["key_hash"] == (1).to_bytes(32, "big")
    assert columns["prefix"] == "whs_live_00000001"
