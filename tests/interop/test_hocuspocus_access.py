"""Who may do what through `/collab`, as the real providers experience it: tokens that are refused, renewed,
expire and are revoked, all on one socket."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.interop.peers import COLLAB_VERSIONS, Clients, CollabVersion
from tests.server_process import DOCUMENT_SCOPES, SyncServer

pytestmark = pytest.mark.interop

EVERYTHING = "doc.getMap('m').toJSON()"
REQUESTS = "client.frames.filter((frame) => frame.kind === 'token-wanted').length"


def document() -> str:
    return f"access/{uuid4()}"


async def test_a_wrong_token_is_refused_once_and_then_it_is_quiet(
    clients: Clients, server: SyncServer
) -> None:
    """A provider comes back each second to a socket that closes, for ever."""
    peers = [
        await clients.open_collab(
            f"stranger {version}", version, server.collab_url, document(), f"no {version}"
        )
        for version in COLLAB_VERSIONS
    ]
    for peer in peers:
        assert "token" in await peer.is_denied()
    await asyncio.gather(*(peer.keeps_its_socket(seconds=6) for peer in peers))
    for peer in peers:
        assert len(await peer.sockets()) == 1
        assert {frame["type"] for frame in await peer.frames()} == {"auth"}
        assert await peer.read("[provider.isSynced, provider.isAuthenticated]") == [False, False]


async def test_a_key_is_taken_for_a_token(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    key = await server.key_for("acme", *DOCUMENT_SCOPES)
    anna = await clients.open_collab("anna", collab, server.collab_url, document(), key)
    await anna.is_saved()


async def test_a_refused_document_does_not_hurt_its_neighbour(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    good = await clients.open_collab("good", collab, server.collab_url, document(), token, socket="tab")
    bad = await clients.open_collab("bad", collab, server.collab_url, document(), "wrong", socket="tab")
    await bad.is_denied()
    await good.edit("doc.getMap('m').set('a', 1)")
    await good.is_saved()
    assert len(await good.sockets()) == 1


async def test_a_reader_s_edit_stays_unsaved_and_reaches_nobody(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    name, url = document(), server.collab_url
    reader = await clients.open_collab("reader", collab, url, name, await server.token_for("acme", "read"))
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    writer = await clients.open_collab("writer", collab, url, name, token)
    await asyncio.gather(reader.is_saved(), writer.is_saved())
    assert await reader.read("provider.authorizedScope") == "readonly"
    await reader.edit("doc.getMap('m').set('forbidden', 1)")
    await reader.receives(type="sync-status", applied=False)
    await writer.edit("doc.getMap('m').set('allowed', 2)")
    await writer.is_saved()
    await reader.sees(EVERYTHING, {"forbidden": 1, "allowed": 2})
    assert await writer.read(EVERYTHING) == {"allowed": 2}
    assert await reader.read("provider.unsyncedChanges") == 1


async def test_a_token_is_renewed_in_place_before_it_expires(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    short = await server.token_for("acme", *DOCUMENT_SCOPES, lifetime=4)
    long = await server.token_for("acme", *DOCUMENT_SCOPES)
    anna = await clients.open_collab("anna", collab, server.collab_url, document(), short, long)
    await anna.is_saved()
    await anna.sees("client.scopes", ["read-write", "read-write"])
    assert await anna.read(REQUESTS) == 1
    await anna.keeps_its_socket(seconds=4)
    await anna.edit("doc.getMap('m').set('after', 1)")
    await anna.is_saved()
    assert await anna.read("client.refusals") == []
    assert len(await anna.sockets()) == 1


async def test_a_renewed_token_may_take_the_right_to_write_and_give_it_back(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    writing, reading = (
        await server.token_for("acme", *DOCUMENT_SCOPES),
        await server.token_for("acme", "read"),
    )
    name, url = document(), server.collab_url
    anna = await clients.open_collab("anna", collab, url, name, writing, reading, writing)
    await anna.is_saved()
    await anna.edit("provider.sendToken()")
    await anna.sees("provider.authorizedScope", "readonly")
    await anna.edit("doc.getMap('m').set('forbidden', 1)")
    await anna.receives(type="sync-status", applied=False)
    await anna.edit("provider.sendToken()")
    await anna.sees("client.scopes", ["read-write", "readonly", "read-write"])
    await anna.edit("doc.getMap('m').set('allowed', 2)")
    # The update builds on the refused one, so the server asks for that, and now it may have it.
    await anna.is_saved()
    late = await clients.open_collab("late", collab, url, name, writing)
    await late.sees(EVERYTHING, {"forbidden": 1, "allowed": 2})


async def test_a_token_that_runs_out_ends_its_document_and_not_its_socket(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    short = await server.token_for("acme", *DOCUMENT_SCOPES, lifetime=5)
    long = await server.token_for("acme", *DOCUMENT_SCOPES)
    name, url = document(), server.collab_url
    anna = await clients.open_collab("anna", collab, url, name, short, socket="tab")
    other = await clients.open_collab("other", collab, url, document(), long, socket="tab")
    await asyncio.gather(anna.is_saved(), other.is_saved())
    assert "expired" in await anna.is_denied()
    await other.edit("doc.getMap('m').set('a', 1)")
    await other.is_saved()
    assert len(await other.sockets()) == 1


async def test_a_revoked_key_ends_its_documents_within_seconds(
    clients: Clients, own_server: SyncServer, collab: CollabVersion
) -> None:
    key = await own_server.key_for("acme", *DOCUMENT_SCOPES)
    anna = await clients.open_collab("anna", collab, own_server.collab_url, document(), key)
    await anna.is_saved()
    await own_server.revoke(key)
    assert "revoked" in await anna.is_denied(within=5)
    await anna.keeps_its_socket(seconds=3)


async def test_tenants_with_a_document_of_one_name_never_meet(
    clients: Clients, server: SyncServer, collab: CollabVersion
) -> None:
    name, url = document(), server.collab_url
    ours = await server.key_for("acme", *DOCUMENT_SCOPES)
    theirs = await server.key_for("globex", *DOCUMENT_SCOPES)
    anna = await clients.open_collab("anna of acme", collab, url, name, ours)
    bill = await clients.open_collab("bill of globex", collab, url, name, theirs)
    await anna.edit("doc.getMap('m').set('acme', 1)")
    await bill.edit("doc.getMap('m').set('globex', 2)")
    await asyncio.gather(anna.is_saved(), bill.is_saved())
    for key, content in ((ours, {"acme": 1}), (theirs, {"globex": 2})):
        late = await clients.open_collab(f"late {content}", collab, url, name, key)
        await late.sees(EVERYTHING, content)
