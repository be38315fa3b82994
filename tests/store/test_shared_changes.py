"""Changes over Redis: Postgres is spared while it is there, and takes over when it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from store.changes import PostgresChanges
from store.changes_contract import MISSED, Change, Missed
from store.database import Database
from store.redis_link import RedisLink
from store.roles import Role
from store.shared_changes import SharedChanges
from tests.valkey import Valkey, running_valkey


def change(last_seq: int) -> Change:
    return Change(1, 2, "depot", 1, last_seq)


@asynccontextmanager
async def opened(
    database_url: str, valkey: Valkey
) -> AsyncIterator[tuple[SharedChanges, PostgresChanges, RedisLink]]:
    link = RedisLink(valkey.url)
    await link.look()
    async with (
        Database(database_url) as database,
        PostgresChanges(partial(database.raw_connection, Role.APP)) as postgres,
        SharedChanges(postgres, link, "test") as shared,
    ):
        yield shared, postgres, link
    await link.close()


async def test_what_redis_carries_is_heard_once_and_not_by_postgres(database_url: str) -> None:
    async with (
        running_valkey() as valkey,
        opened(database_url, valkey) as (shared, postgres, _),
        shared.listen() as stream,
        postgres.listen() as by_postgres,
    ):
        assert await anext(stream) == MISSED  # whatever was said before it listened
        shared.announce([change(5)])
        assert await anext(stream) == change(5)
        postgres.announce([change(6)])
        assert await anext(by_postgres) == change(6)
        assert await anext(stream) == change(6)


async def test_when_redis_goes_postgres_carries_what_it_did_not_take(database_url: str) -> None:
    async with (
        running_valkey() as valkey,
        opened(database_url, valkey) as (shared, _, link),
        shared.listen() as stream,
    ):
        assert await anext(stream) == MISSED
        valkey.kill()
        shared.announce([change(7)])
        heard: set[Change | Missed] = set()
        while heard != {MISSED, change(7)}:
            heard.add(await anext(stream))
        assert not link.is_up


async def test_whoever_listens_without_redis_is_told_to_look(database_url: str) -> None:
    async with running_valkey() as valkey, opened(database_url, valkey) as (shared, _, _link):
        valkey.kill()
        async with shared.listen() as stream:
            assert [await anext(stream), await anext(stream)] == [MISSED, MISSED]
