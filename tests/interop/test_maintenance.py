"""The real npm clients through a maintenance: what they edit meanwhile arrives afterwards, by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from store.database import Database
from store.maintenance import MaintenanceSwitch
from tests.eventually import eventually
from tests.interop.conftest import OpenCollabPeer, OpenPeer
from tests.server_process import SyncServer

pytestmark = pytest.mark.interop

EVERYTHING = "doc.getMap('m').toJSON()"


@asynccontextmanager
async def maintenance(server: SyncServer) -> AsyncIterator[None]:
    """On until the block ends; the server has followed at both ends."""
    async with Database(server.database_url) as database, httpx.AsyncClient(trust_env=False) as client:

        async def health() -> str:
            status: str = (await client.get(f"{server.url}/health")).json()["status"]
            return status

        async def is_on() -> bool:
            return await health() == "maintenance"

        async def is_off() -> bool:
            return await health() == "healthy"

        await MaintenanceSwitch(database).begin(reason="a test", retry_after=1, by="test")
        await eventually(is_on)
        try:
            yield
        finally:
            await MaintenanceSwitch(database).end()
            await eventually(is_off)


async def test_y_websocket_keeps_its_edits_and_brings_them(server: SyncServer, open_peer: OpenPeer) -> None:
    anna, ben = await open_peer("anna"), await open_peer("ben")
    await anna.edit("doc.getMap('m').set('before', 1)")
    await ben.sees(EVERYTHING, {"before": 1})
    async with maintenance(server):
        await anna.receives(type="auth", kind="permission-denied")
        await anna.edit("doc.getMap('m').set('anna', 2)")
        await ben.edit("doc.getMap('m').set('ben', 3)")
        late = await open_peer("late")
        await late.sees(EVERYTHING, {"before": 1})
    for peer in (anna, ben, late):
        await peer.sees(EVERYTHING, {"before": 1, "anna": 2, "ben": 3})


async def test_hocuspocus_says_unsaved_until_it_is_over(
    server: SyncServer, open_collab: OpenCollabPeer
) -> None:
    anna, ben = await open_collab("anna"), await open_collab("ben")
    await anna.edit("doc.getMap('m').set('before', 1)")
    await anna.is_saved()
    async with maintenance(server):
        before = len(await anna.unsynced())
        late = await open_collab("late")
        await late.sees(EVERYTHING, {"before": 1})
        await anna.edit("doc.getMap('m').set('anna', 2)")
        await ben.edit("doc.getMap('m').set('ben', 3)")
        await anna.receives(type="sync-status", applied=False)
        assert 0 not in (await anna.unsynced())[before:]
    for peer in (anna, ben):
        await peer.is_saved()
    for peer in (anna, ben, late):
        await peer.sees(EVERYTHING, {"before": 1, "anna": 2, "ben": 3})
