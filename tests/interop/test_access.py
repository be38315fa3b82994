"""Who may do what, as the real providers experience it: keys and tokens by each way in, readers who can't
write, refusals that stop new providers for good and don't let old ones hammer, tenants that never meet."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.interop.peers import Clients, ProviderVersion
from tests.server_process import DOCUMENT_SCOPES, SyncServer

pytestmark = pytest.mark.interop

EVERYTHING = "doc.getMap('m').toJSON()"
WAYS_IN = ("token", "apiKey", "bearer key", "bearer token")


def document() -> str:
    return f"access/{uuid4()}"


def unknown_key() -> str:
    """A key of the right form that nobody was ever given, so that no other test shares its hold."""
    return f"whs_test_{uuid4().hex}{uuid4().hex}"


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_a_credential_is_taken_from_the_query_or_the_header(
    clients: Clients, server: SyncServer, provider: ProviderVersion, way_in: str
) -> None:
    key = await server.key_for("acme", *DOCUMENT_SCOPES)
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    params = {"token": {"token": token}, "apiKey": {"apiKey": key}}.get(way_in)
    headers = {
        "bearer key": {"Authorization": f"Bearer {key}"},
        "bearer token": {"Authorization": f"Bearer {token}"},
    }.get(way_in)
    anna = await clients.open("anna", provider, server.sync_url, document(), params=params, headers=headers)
    await anna.is_synced()


async def test_a_reader_sees_everything_but_its_own_edit_reaches_nobody(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    name = document()
    reading = {"token": await server.token_for("acme", "read", "presence")}
    writing = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    reader = await clients.open("reader", provider, server.sync_url, name, params=reading)
    writer = await clients.open("writer", provider, server.sync_url, name, params=writing)
    await asyncio.gather(reader.is_synced(), writer.is_synced())

    await reader.edit("doc.getMap('m').set('forbidden', 1)")
    refusal = await reader.receives(type="auth", kind="permission-denied")
    assert refusal["reason"]

    await writer.edit("doc.getMap('m').set('allowed', 2)")
    await reader.sees(EVERYTHING, {"forbidden": 1, "allowed": 2})
    late = await clients.open("late joiner", provider, server.sync_url, name, params=writing)
    await late.sees(EVERYTHING, {"allowed": 2})
    assert await writer.read(EVERYTHING) == {"allowed": 2}


async def test_what_a_reader_wrote_offline_reaches_nobody(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    name = document()
    reading = {"token": await server.token_for("acme", "read", "presence")}
    writing = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    reader = await clients.open("reader", provider, server.sync_url, name, params=reading)
    await reader.disconnect()
    await reader.edit("doc.getMap('m').set('forbidden', 1)")
    await reader.connect()
    await reader.receives(type="auth", kind="permission-denied")

    late = await clients.open("late joiner", provider, server.sync_url, name, params=writing)
    await late.is_synced()
    assert await late.read(EVERYTHING) == {}


async def test_a_wrong_key_stops_a_new_provider_for_good(clients: Clients, server: SyncServer) -> None:
    anna = await clients.open("anna", "3.1.0", server.sync_url, document(), params={"apiKey": unknown_key()})
    await anna.receives(type="auth", kind="permission-denied")
    (socket,) = await anna.closes()
    assert socket.code == 4401
    assert await anna.gave_up() == 4401


async def test_a_wrong_key_does_not_let_an_old_provider_hammer(clients: Clients, server: SyncServer) -> None:
    """Provider 2.1.0 comes back after every close, so whoever returns is held, and longer each time."""
    anna = await clients.open("anna", "2.1.0", server.sync_url, document(), params={"apiKey": unknown_key()})
    await anna.receives(type="auth", kind="permission-denied")
    first, second, third, *_ = await anna.closes(3)
    assert (first.code, second.code, third.code) == (4401, 4401, 4401)
    assert second.held >= 0.9 * server.refusal_hold
    assert third.held >= 1.5 * second.held


async def test_a_refused_client_learns_nothing_of_the_document(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    name = document()
    writing = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    anna = await clients.open("anna", provider, server.sync_url, name, params=writing)
    await anna.edit("doc.getMap('m').set('secret', 1)")
    await anna.is_synced()

    stranger = await clients.open("stranger", provider, server.sync_url, name)
    await stranger.closes()
    assert {frame["type"] for frame in await stranger.frames()} == {"auth"}
    assert await stranger.read(EVERYTHING) == {}


async def test_an_expired_token_is_refused_as_not_signed_in(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    expired = {"token": await server.token_for("acme", *DOCUMENT_SCOPES, lifetime=-1)}
    anna = await clients.open("anna", provider, server.sync_url, document(), params=expired)
    refusal = await anna.receives(type="auth", kind="permission-denied")
    assert "expired" in refusal["reason"]
    first, *_ = await anna.closes()
    assert first.code == 4401


async def test_a_token_that_runs_out_ends_the_open_connection(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    short = {"token": await server.token_for("acme", *DOCUMENT_SCOPES, lifetime=4)}
    anna = await clients.open("anna", provider, server.sync_url, document(), params=short)
    await anna.is_synced()
    first, *_ = await anna.closes()
    assert first.code == 4401


async def test_two_tenants_with_a_document_of_one_name_never_meet(
    clients: Clients, server: SyncServer, provider: ProviderVersion
) -> None:
    name = document()
    ours = {"apiKey": await server.key_for("acme", *DOCUMENT_SCOPES)}
    theirs = {"apiKey": await server.key_for("globex", *DOCUMENT_SCOPES)}
    anna = await clients.open("anna of acme", provider, server.sync_url, name, params=ours)
    bill = await clients.open("bill of globex", provider, server.sync_url, name, params=theirs)
    await asyncio.gather(anna.is_synced(), bill.is_synced())
    await anna.edit("doc.getMap('m').set('acme', 1); awareness.setLocalState({name: 'anna'})")
    await bill.edit("doc.getMap('m').set('globex', 2); awareness.setLocalState({name: 'bill'})")

    for params, seen, person in ((ours, {"acme": 1}, "anna"), (theirs, {"globex": 2}, "bill")):
        late = await clients.open(f"late {person}", provider, server.sync_url, name, params=params)
        await late.sees(EVERYTHING, seen)
        await late.sees("[...awareness.getStates().values()].map((s) => s.name ?? '').sort()", ["", person])
    assert await anna.read(EVERYTHING) == {"acme": 1}
    assert await bill.read(EVERYTHING) == {"globex": 2}
