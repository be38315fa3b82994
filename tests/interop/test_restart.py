"""The server is killed without warning while real clients are at work."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.peers import Clients, ProviderVersion
from tests.server_process import DOCUMENT_SCOPES, SyncServer

pytestmark = [pytest.mark.interop, pytest.mark.faults]

EVERYTHING = "doc.getMap('m').toJSON()"


async def test_clients_meet_again_after_the_server_was_killed(
    clients: Clients, own_server: SyncServer, provider: ProviderVersion
) -> None:
    params = {"token": await own_server.token_for("acme", *DOCUMENT_SCOPES)}
    anna = await clients.open("anna", provider, own_server.sync_url, "kill", params=params)
    ben = await clients.open("ben", provider, own_server.sync_url, "kill", params=params)
    await anna.edit("doc.getMap('m').set('before', 1)")
    await ben.sees(EVERYTHING, {"before": 1})

    own_server.kill()
    await asyncio.gather(anna.closes(), ben.closes())
    await anna.edit("doc.getMap('m').set('anna', 2)")
    await ben.edit("doc.getMap('m').set('ben', 3)")
    await own_server.start()

    for peer in (anna, ben, await clients.open("late", provider, own_server.sync_url, "kill", params=params)):
        await peer.sees(EVERYTHING, {"before": 1, "anna": 2, "ben": 3}, within=90)


async def test_what_another_client_saw_is_there_after_the_kill(
    clients: Clients, own_server: SyncServer, provider: ProviderVersion
) -> None:
    """Nobody who saw the edit comes back: only the log can still have it."""
    params = {"token": await own_server.token_for("acme", *DOCUMENT_SCOPES)}
    anna = await clients.open("anna", provider, own_server.sync_url, "seen", params=params)
    ben = await clients.open("ben", provider, own_server.sync_url, "seen", params=params)
    await anna.edit("doc.getMap('m').set('seen', 1)")
    await ben.sees(EVERYTHING, {"seen": 1})
    own_server.kill()
    await asyncio.gather(anna.leave(), ben.leave())
    await own_server.start()

    late = await clients.open("late", provider, own_server.sync_url, "seen", params=params)
    await late.sees(EVERYTHING, {"seen": 1}, within=90)
