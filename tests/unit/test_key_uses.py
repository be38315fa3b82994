"""Uses of keys are written down beside the requests, each once, and a Postgres that is away stops nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID

from store.contract import Unavailable
from tests.eventually import eventually
from webhost_sync.auth.key_uses import KeyUses

KEYS = [UUID(int=number) for number in range(3)]


async def test_each_key_is_written_once_however_often_it_was_noted() -> None:
    written: list[tuple[int, UUID]] = []

    async def write(tenant_id: int, key_id: UUID) -> None:
        written.append((tenant_id, key_id))

    uses = KeyUses(write)
    for key in KEYS * 100:
        uses.note(1, key)
    running = asyncio.create_task(uses.run())
    await eventually(lambda: len(written) == len(KEYS))
    uses.note(1, KEYS[0])
    await eventually(lambda: len(written) == len(KEYS) + 1)
    running.cancel()
    assert written == [(1, key) for key in (*KEYS, KEYS[0])]


async def test_what_cannot_be_written_is_left_and_the_next_is_not() -> None:
    written: list[UUID] = []

    async def write(tenant_id: int, key_id: UUID) -> None:
        if key_id == KEYS[0]:
            raise Unavailable("Postgres is away")
        written.append(key_id)

    uses = KeyUses(write)
    for key in KEYS:
        uses.note(1, key)
    running = asyncio.create_task(uses.run())
    await eventually(lambda: written == KEYS[1:])
    assert not running.done()
    running.cancel()
