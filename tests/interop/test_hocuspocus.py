"""npm's `@hocuspocus/provider` against a running server: documents, presence, several of them on one socket,
and what it says about what is saved."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.interop.conftest import OpenCollabPeer
from tests.interop.peers import COLLAB_VERSIONS, VERSIONS, Clients, CollabPeer, CollabVersion
from tests.interop.samples import SAMPLES
from tests.server_process import DOCUMENT_SCOPES, SyncServer
from tests.store.logs import superuser

pytestmark = pytest.mark.interop

EVERYTHING = "doc.getMap('m').toJSON()"
NAMES = "[...awareness.getStates().values()].map((state) => state.name ?? '').filter(Boolean).sort()"
IDLE_SECONDS = 40
"""Providers give a silent server up after 30 s, and look each 3 s."""


async def present(peer: CollabPeer) -> None:
    await peer.edit(f"awareness.setLocalState({{name: {peer.name!r}}})")


async def test_what_one_client_writes_the_others_read_and_it_is_saved(
    open_collab: OpenCollabPeer,
) -> None:
    anna, ben = await open_collab("anna"), await open_collab("ben")
    await asyncio.gather(anna.is_synced(), ben.is_synced())
    for sample in SAMPLES:
        await anna.edit(sample.write)
    late = await open_collab("late joiner")
    for sample in SAMPLES:
        for peer in (ben, late):
            await peer.sees(sample.read, sample.value)
    await anna.is_saved()


async def test_offline_edits_of_both_sides_meet(open_collab: OpenCollabPeer) -> None:
    anna, ben = await open_collab("anna"), await open_collab("ben")
    await anna.edit("doc.getText('t').insert(0, 'middle')")
    await ben.sees("doc.getText('t').toString()", "middle")
    await asyncio.gather(anna.disconnect(), ben.disconnect())
    await anna.edit("doc.getText('t').insert(0, 'start ')")
    await ben.edit("doc.getText('t').insert(6, ' end')")
    await asyncio.gather(anna.connect(), ben.connect())
    for peer in (anna, ben, await open_collab("late joiner")):
        await peer.sees("doc.getText('t').toString()", "start middle end")
        await peer.is_saved()


@pytest.mark.parametrize("version", VERSIONS)
async def test_clients_of_both_protocols_see_each_other(
    clients: Clients, server: SyncServer, open_collab: OpenCollabPeer, version: str
) -> None:
    name = f"both/{uuid4()}"
    params = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    yjs = await clients.open("y-websocket", version, server.sync_url, name, params=params)  # type: ignore[arg-type]
    collab = await open_collab("hocuspocus", document=name)
    await yjs.edit("doc.getMap('m').set('y', 1); awareness.setLocalState({name: 'y-websocket'})")
    await collab.edit("doc.getMap('m').set('h', 2); awareness.setLocalState({name: 'hocuspocus'})")
    for peer in (yjs, collab):
        await peer.sees(EVERYTHING, {"y": 1, "h": 2})
        await peer.sees(NAMES, ["hocuspocus", "y-websocket"])


async def test_presence_appears_and_goes_with_its_client(open_collab: OpenCollabPeer) -> None:
    anna, ben, carl = [await open_collab(name) for name in ("anna", "ben", "carl")]
    await asyncio.gather(present(anna), present(ben), present(carl))
    late = await open_collab("late joiner")
    for peer in (anna, ben, carl, late):
        await peer.sees(NAMES, ["anna", "ben", "carl"])
    await carl.vanish()
    await ben.leave()
    for peer in (anna, late):
        await peer.sees(NAMES, ["anna"])


async def test_many_documents_share_one_socket(open_collab: OpenCollabPeer) -> None:
    names = [f"many/{uuid4()}/větší 🚚" for _ in range(20)]
    ours = [await open_collab(f"ours {n}", document=name, socket="ours") for n, name in enumerate(names)]
    theirs = [
        await open_collab(f"theirs {n}", document=name, socket="theirs") for n, name in enumerate(names)
    ]
    for number, peer in enumerate(ours):
        await peer.edit(f"doc.getMap('m').set('number', {number})")
    for number, peer in enumerate(theirs):
        await peer.sees(EVERYTHING, {"number": number})
    await asyncio.gather(*(peer.is_saved() for peer in ours))
    assert len(await ours[0].sockets()) == len(await theirs[0].sockets()) == 1


async def test_a_document_that_is_left_can_be_opened_again_on_the_same_socket(
    open_collab: OpenCollabPeer,
) -> None:
    name = f"again/{uuid4()}"
    anna = await open_collab("anna", document=name, socket="tab")
    other = await open_collab("other", document=f"{name}/other", socket="tab")
    await anna.edit("doc.getMap('m').set('first', 1)")
    await anna.is_saved()
    await anna.leave()
    again = await open_collab("anna again", document=name, socket="tab")
    await again.sees(EVERYTHING, {"first": 1})
    assert len(await other.sockets()) == 1


async def test_sessions_of_one_document_share_a_socket(clients: Clients, server: SyncServer) -> None:
    token, name = await server.token_for("acme", *DOCUMENT_SCOPES), f"session/{uuid4()}"
    one, two = [
        await clients.open_collab(
            f"session {number}", "4.8.0", server.collab_url, name, token, socket="tab", sessionAwareness=True
        )
        for number in (1, 2)
    ]
    await one.edit("doc.getMap('m').set('one', 1); awareness.setLocalState({name: 'one'})")
    await two.sees(EVERYTHING, {"one": 1})
    await two.sees(NAMES, ["one"])
    await one.is_saved()
    await one.leave()
    await two.sees(NAMES, [])
    assert len(await two.sockets()) == 1


async def test_nothing_counts_as_saved_before_it_is_committed(
    server: SyncServer, open_collab: OpenCollabPeer
) -> None:
    anna, ben = await open_collab("anna"), await open_collab("ben")
    await asyncio.gather(anna.is_saved(), ben.is_saved())
    async with superuser(server.database_url) as blocker, blocker.transaction():
        await blocker.execute("lock table document_updates in exclusive mode")
        before = len(await anna.unsynced())
        await anna.edit("doc.getMap('m').set('a', 1)")
        await anna.sees("provider.unsyncedChanges", 1)
        waiting = "select count(*) from pg_locks where not granted"
        while not await blocker.fetchval(waiting):
            pass
        assert 0 not in (await anna.unsynced())[before:]
        assert await ben.read(EVERYTHING) == {}
    await anna.is_saved()
    await ben.sees(EVERYTHING, {"a": 1})


async def test_what_was_written_before_the_socket_opened_does_not_count_as_saved_too_early(
    open_collab: OpenCollabPeer,
) -> None:
    """The provider sends it ahead of its step 2, and would be at zero while that is still under way."""
    anna = await open_collab(
        "anna",
        write="doc.getMap('m').set('offline', 'x'.repeat(3_000_000))",
        write_attached="doc.getMap('m').set('typed', 1)",
    )
    await anna.is_saved()
    await anna.sees("client.statusesWithZero", 2)
    late = await open_collab("late joiner")
    await late.sees("[...doc.getMap('m').keys()].sort()", ["offline", "typed"])


async def test_a_forced_sync_ends_as_saved(open_collab: OpenCollabPeer) -> None:
    anna = await open_collab("anna")
    await anna.is_saved()
    await anna.edit("provider.forceSync()")
    await anna.sees("client.unsynced.slice(-3)", [0, 1, 0])


async def test_updates_that_are_flushed_together_count_once(clients: Clients, server: SyncServer) -> None:
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    anna = await clients.open_collab("anna", "4.8.0", server.collab_url, "flush", token, flushDelay=50)
    await anna.is_saved()
    for number in range(10):
        await anna.edit(f"doc.getMap('m').set('{number}', 1)")
    await anna.is_saved()
    late = await clients.open_collab("late", "4.8.0", server.collab_url, "flush", token)
    await late.sees("doc.getMap('m').size", 10)


async def test_silence_costs_nobody_the_connection(clients: Clients, server: SyncServer) -> None:
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    peers = [
        await clients.open_collab(f"idle {version}", version, server.collab_url, f"idle-{version}", token)
        for version in COLLAB_VERSIONS
    ]
    await asyncio.gather(*(peer.is_synced() for peer in peers))
    await asyncio.gather(*(peer.edit("awareness.setLocalState(null)") for peer in peers))
    await asyncio.gather(*(peer.keeps_its_socket(seconds=IDLE_SECONDS) for peer in peers))


@pytest.mark.faults
async def test_what_counted_as_saved_is_there_after_the_server_was_killed(
    clients: Clients, own_server: SyncServer, collab: CollabVersion
) -> None:
    token = await own_server.token_for("acme", *DOCUMENT_SCOPES)
    url = own_server.collab_url
    anna = await clients.open_collab("anna", collab, url, "kill", token)
    for number in range(20):
        await anna.edit(f"doc.getMap('m').set('{number}', {number})")
    await anna.is_saved()
    own_server.kill()
    await anna.leave()
    await own_server.start()
    late = await clients.open_collab("late", collab, url, "kill", token)
    await late.sees("doc.getMap('m').size", 20, within=90)

    await late.edit("doc.getMap('m').set('again', 1)")
    await late.is_saved()
    own_server.kill()
    await late.closes()
    await late.edit("doc.getMap('m').set('offline', 1)")
    await own_server.start()
    other = await clients.open_collab("other", collab, url, "kill", token)
    await other.sees("doc.getMap('m').size", 22, within=90)
    await late.is_saved(within=90)
