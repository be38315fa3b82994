"""Presence with the real providers: it appears, it goes when its client goes, however that happens, and
it keeps an idle socket open."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.conftest import OpenPeer
from tests.interop.peers import VERSIONS, Clients, Peer
from tests.server_process import DOCUMENT_SCOPES, SyncServer

pytestmark = pytest.mark.interop

NAMES = "[...awareness.getStates().values()].map((state) => state.name ?? '').filter(Boolean).sort()"
IDLE_SECONDS = 66
"""Providers give a silent server up after 30 s and look each 3 s: time for two reconnects."""


async def present(peer: Peer) -> None:
    await peer.edit(f"awareness.setLocalState({{name: {peer.name!r}}})")


async def test_presence_appears_at_everybody_and_at_who_comes_later(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await asyncio.gather(present(anna), present(ben))
    for peer in (anna, ben, await open_peer("late joiner")):
        await peer.sees(NAMES, ["anna", "ben"])


async def test_presence_beyond_ascii_arrives_as_it_was(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await anna.edit("awareness.setLocalState({name: 'Łukasz 🚚', at: {latitude: 48.3}})")
    await ben.sees(NAMES, ["Łukasz 🚚"])


async def test_presence_goes_when_its_client_says_goodbye(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await present(anna)
    await ben.sees(NAMES, ["anna"])
    await anna.disconnect()
    await ben.sees(NAMES, [])


async def test_presence_goes_when_its_socket_breaks(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await present(anna)
    await ben.sees(NAMES, ["anna"])
    await anna.vanish()
    await ben.sees(NAMES, [])


async def test_presence_comes_back_with_its_client(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await present(anna)
    await ben.sees(NAMES, ["anna"])
    await anna.disconnect()
    await ben.sees(NAMES, [])
    await anna.connect()
    await present(anna)
    await ben.sees(NAMES, ["anna"])


async def test_a_minute_of_silence_costs_nobody_the_connection(clients: Clients, server: SyncServer) -> None:
    """With and without presence of their own: the echo of their presence would hide missing keepalives."""
    params = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    peers = [
        await clients.open(
            f"{version} {kind}", version, server.sync_url, f"idle-{version}-{kind}", params=params
        )
        for version in VERSIONS
        for kind in ("silent", "present")
    ]
    await asyncio.gather(*(peer.is_synced() for peer in peers))
    await asyncio.gather(*(peer.edit("awareness.setLocalState(null)") for peer in peers[::2]))
    await asyncio.gather(*(peer.keeps_its_socket(seconds=IDLE_SECONDS) for peer in peers))
