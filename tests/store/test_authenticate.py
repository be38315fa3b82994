"""Credentials against a real store: who is let in, and who is found out later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from store.contract import ApiKey, Environment, Tenant, Unavailable
from store.database import Database
from store.keys import Keys
from store.tenants import Tenants
from tests.unit.principals import KEY
from webhost_sync.auth.access import access_document
from webhost_sync.auth.authenticate import LOOKED_UP_AT_ONCE, Authenticator
from webhost_sync.auth.issuing import create_key, issue_token
from webhost_sync.auth.keys import Key, new_key
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.auth.tokens import Tokens
from webhost_sync.errors import (
    InvalidRequest,
    KeyRevoked,
    NotAuthenticated,
    StoreUnavailable,
    SyncError,
    TokenExpired,
)

TOKENS = Tokens(["a secret"], max_lifetime=timedelta(days=1))
HOUR = timedelta(hours=1)
SCOPES = ("read", "write", "history")


class Clock:
    """Stands still until it is moved. It begins at the real time, which Postgres has too."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class World:
    """A tenant and the way in."""

    database: Database
    tenant: Tenant
    keys: Keys
    clock: Clock
    authenticator: Authenticator

    async def key(self, number: int = 1, expires_at: datetime | None = None) -> tuple[Key, ApiKey]:
        return await create_key(
            self.keys,
            self.tenant,
            name="app",
            secret=number.to_bytes(32, "big"),
            scopes=SCOPES,
            documents=["tables/*"],
            expires_at=expires_at,
        )

    async def token(self, key: Key, lifetime: timedelta = HOUR) -> str:
        issuer = await self.authenticator.authenticate(key.text)
        grant = Grant.of("tables/vehicles", ["read"])
        token, _ = issue_token(
            TOKENS, issuer, token_id="t1", subject="ada", grants=[grant], lifetime=lifetime, now=self.clock()
        )
        return token

    async def refusal(self, credential: str | None) -> str:
        with pytest.raises(NotAuthenticated) as refused:
            await self.authenticator.authenticate(credential)
        assert refused.value.close_code == 4401
        return str(refused.value)

    async def ended(self, *principals: Principal) -> dict[Principal, type[SyncError]]:
        ended = await self.authenticator.recheck(principals)
        return {principal: type(error) for principal, error in ended.items()}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with Database(database_url) as database:
        _, tenant = await Tenants(database).create("acme", "Acme")
        keys, clock = Keys(database), Clock()
        yield World(database, tenant, keys, clock, Authenticator(keys, TOKENS, now=clock))


async def test_a_key_gives_its_tenant_and_its_rights(world: World) -> None:
    key, stored = await world.key()
    principal = await world.authenticator.authenticate(key.text)
    assert (principal.tenant_id, principal.tenant_slug) == (world.tenant.id, "acme")
    assert principal.environment is Environment.TEST
    assert (principal.key_id, principal.token_id) == (stored.id, None)
    assert principal.scopes == {Scope.HISTORY}
    assert access_document(principal, "tables/vehicles").write


async def test_a_token_gives_its_subject_and_a_part_of_the_rights(world: World) -> None:
    key, stored = await world.key()
    principal = await world.authenticator.authenticate(await world.token(key))
    assert (principal.subject, principal.key_id, principal.credential_id) == ("ada", stored.id, "t1")
    assert not access_document(principal, "tables/vehicles").write


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (None, "send an API key or a token"),
        ("", "send an API key or a token"),
        ("whs_live_abc", "64 hex digits"),
        ("nonsense", "no token of this server"),
        (new_key(Environment.LIVE, bytes(32)).text, "there is no API key whs_live_00000000"),
    ],
)
async def test_a_refusal_says_what_is_wrong(world: World, credential: str | None, reason: str) -> None:
    assert reason in await world.refusal(credential)


async def test_a_revoked_key_is_refused_at_once_and_so_are_its_tokens(world: World) -> None:
    key, stored = await world.key()
    token = await world.token(key)
    await world.keys.revoke(world.tenant.id, stored.id)
    for credential in (key.text, token):
        with pytest.raises(KeyRevoked):
            await world.authenticator.authenticate(credential)


async def test_an_expired_key_is_refused_with_the_time(world: World) -> None:
    key, _ = await world.key(expires_at=world.clock.now + HOUR)
    await world.authenticator.authenticate(key.text)
    world.clock.now += HOUR
    assert "expired at" in await world.refusal(key.text)


async def test_a_connection_whose_key_expires_is_told_that_and_not_that_it_was_revoked(world: World) -> None:
    key, _ = await world.key(expires_at=world.clock.now + HOUR)
    principal = await world.authenticator.authenticate(key.text)
    world.clock.now += HOUR
    assert await world.ended(principal) == {principal: NotAuthenticated}


async def test_an_expired_token_is_refused(world: World) -> None:
    key, _ = await world.key()
    token = await world.token(key)
    world.clock.now += HOUR
    with pytest.raises(TokenExpired):
        await world.authenticator.authenticate(token)


async def test_a_key_never_shows_in_a_refusal(world: World) -> None:
    text = new_key(Environment.LIVE, bytes(range(32))).text
    assert text[20:] not in await world.refusal(text)


async def test_a_recheck_finds_those_whose_key_is_revoked_or_token_expired(world: World) -> None:
    (key, stored), (other, _) = await world.key(1), await world.key(2)
    by_key = await world.authenticator.authenticate(key.text)
    by_token = await world.authenticator.authenticate(await world.token(key))
    short = await world.authenticator.authenticate(await world.token(other, timedelta(minutes=1)))
    long = await world.authenticator.authenticate(await world.token(other))
    assert await world.ended(by_key, by_token, short, long) == {}

    await world.keys.revoke(world.tenant.id, stored.id)
    world.clock.now += timedelta(minutes=1)
    assert await world.ended(by_key, by_token, short, long) == {
        by_key: KeyRevoked,
        by_token: KeyRevoked,
        short: TokenExpired,
    }


async def test_a_deleted_key_is_no_longer_valid(world: World) -> None:
    key, _ = await world.key()
    principal = await world.authenticator.authenticate(key.text)
    async with world.database.owner() as connection:
        await connection.execute(text("delete from api_keys"))
    assert await world.ended(principal) == {principal: KeyRevoked}


async def test_a_use_of_a_key_is_noted(world: World) -> None:
    key, _ = await world.key()
    await world.authenticator.authenticate(key.text)
    (stored,) = await world.keys.of_tenant(world.tenant.id)
    assert stored.last_used_at is not None


@dataclass
class Counted(Keys):
    """Keys that count how many lookups are under way."""

    database: Database
    most: int = 0
    now: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.database)

    async def find(self, key_hash: bytes) -> tuple[ApiKey, Tenant] | None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().find(key_hash)
        finally:
            self.now -= 1


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_crowd_with_one_key_leaves_room_for_the_lookups_of_others(
    world: World, is_known: bool
) -> None:
    crowd, _ = await world.key()
    other, _ = await world.key(2)
    counted = Counted(world.database)
    authenticator = Authenticator(counted, TOKENS)
    if is_known:
        await authenticator.authenticate(crowd.text)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(50):
            tasks.create_task(authenticator.authenticate(crowd.text))
        await asyncio.sleep(0)
        alone = asyncio.create_task(authenticator.authenticate(other.text))
        await asyncio.sleep(0)
        assert counted.now == LOOKED_UP_AT_ONCE + 1
        await alone
    assert counted.most == LOOKED_UP_AT_ONCE + 1


async def test_without_a_database_nobody_is_told_that_his_key_is_bad() -> None:
    async with Database("postgresql://127.0.0.1:1/nowhere") as database:
        authenticator = Authenticator(Keys(database), TOKENS)
        with pytest.raises(StoreUnavailable):
            await authenticator.authenticate(new_key(Environment.LIVE, bytes(32)).text)
        with pytest.raises(Unavailable):
            await authenticator.recheck([KEY])


@pytest.mark.parametrize("scopes", [["write"], ["read", "fly"], ["presence", "history"]])
async def test_a_key_with_rights_that_make_no_sense_is_not_made(world: World, scopes: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        await create_key(world.keys, world.tenant, name="x", secret=bytes(32), scopes=scopes)
    assert await world.keys.of_tenant(world.tenant.id) == ()
