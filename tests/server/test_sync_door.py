"""The socket door `/sync/{document}`: who comes in, what they are told, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect

from store.keys import Keys
from tests.app import App, running_app
from tests.eventually import eventually
from webhost_sync.sync.protocol import (
    KEEP_ALIVE,
    AwarenessEntry,
    AwarenessUpdate,
    Message,
    PermissionDenied,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode,
    encode,
)


def update(key: str, *, client_id: int = 5) -> bytes:
    doc: Doc[Map[object]] = Doc(client_id=client_id)
    doc.get("rows", type=Map)[key] = 1
    return doc.get_update()


@asynccontextmanager
async def socket(app: App, credential: str, document: str = "depot") -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {credential}"}
    async with connect(f"{app.sync_url}/{document}", additional_headers=headers) as connected:
        yield connected


async def next_of(connection: ClientConnection, kind: type[Message]) -> Message:
    """The next message of a kind; others are passed over."""
    async with asyncio.timeout(60):
        while True:
            frame = await connection.recv()
            assert isinstance(frame, bytes)
            [message] = decode(frame)
            if isinstance(message, kind):
                return message


async def close_code(connection: ClientConnection) -> int | None:
    async with asyncio.timeout(60):
        await connection.wait_closed()
    return connection.close_code


async def test_a_client_is_asked_what_it_has_and_gets_what_it_lacks(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as one:
            assert await next_of(one, SyncStep1) == SyncStep1(b"\x00")
            await one.send(encode(SyncUpdate(update("a"))))
            assert await next_of(one, SyncUpdate) == SyncUpdate(update("a"))
        async with socket(app, key.text) as other:
            await other.send(encode(SyncStep1(b"\x00")))
            assert await next_of(other, SyncStep2) == SyncStep2(update("a"))


async def test_presence_is_shown_and_goes_with_its_socket(database_url: str) -> None:
    entry = AwarenessEntry(9, 1, '{"name":"Łukasz"}')
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as watcher:
            async with socket(app, key.text) as shown:
                await shown.send(encode(AwarenessUpdate((entry,))))
                assert await next_of(watcher, AwarenessUpdate) == AwarenessUpdate((entry,))
                shown.transport.abort()
            gone = await next_of(watcher, AwarenessUpdate)
            assert isinstance(gone, AwarenessUpdate)
            assert gone.entries[0].is_leave


@pytest.mark.parametrize(
    ("credential", "code"),
    [("", 4401), ("nonsense", 4401), ("whs_live_" + "0" * 64, 4401), ("whs_test_short", 4401)],
)
async def test_a_stranger_is_told_why_and_closed_for_good(
    database_url: str, credential: str, code: int
) -> None:
    async with running_app(database_url) as app, socket(app, credential) as stranger:
        assert isinstance(await next_of(stranger, PermissionDenied), PermissionDenied)
        assert await close_code(stranger) == code


async def test_a_refused_client_that_comes_back_is_held(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=60.0) as app:
        async with socket(app, "nonsense") as first:
            assert await close_code(first) == 4401
        async with socket(app, "nonsense") as again:
            await next_of(again, PermissionDenied)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(again.recv(), 0.3)


async def test_a_forbidden_document_looks_like_one_that_does_not_exist(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=0.0) as app:
        tenant = await app.tenant()
        narrow = await app.key(tenant, documents=["mine/*"])
        owner = await app.key(tenant)
        async with socket(app, owner.text, "theirs") as there:
            await next_of(there, SyncStep1)
        denials = []
        for name in ("theirs", "nobody"):
            async with socket(app, narrow.text, name) as refused:
                message = await next_of(refused, PermissionDenied)
                assert isinstance(message, PermissionDenied)
                denials.append(message.reason.replace(name, "…"))
                assert await close_code(refused) == 4404
        assert denials[0] == denials[1]


async def test_an_expired_token_is_refused_and_an_expiring_one_is_closed(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=0.0) as app:
        key = await app.key(await app.tenant())
        async with socket(app, app.token(key, lifetime=-5)) as late:
            assert await close_code(late) == 4401
        async with socket(app, app.token(key, lifetime=1)) as soon:
            await next_of(soon, SyncStep1)
            assert await close_code(soon) == 4401


async def test_a_revoked_key_closes_its_sockets_and_those_of_its_tokens(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as own, socket(app, app.token(key, "read", "write")) as lent:
            await next_of(own, SyncStep1)
            await next_of(lent, SyncStep1)
            await Keys(app.services.database).revoke(key.tenant.id, key.record.id)
            assert await close_code(own) == 4401
            assert await close_code(lent) == 4401


async def test_bad_bytes_close_their_sender_and_nobody_else(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as good, socket(app, key.text) as bad:
            await bad.send(b"\x00\x02\xff")
            assert await close_code(bad) == 4400
            await good.send(encode(SyncUpdate(update("a"))))
            assert await next_of(good, SyncUpdate) == SyncUpdate(update("a"))


async def test_a_text_frame_is_no_message(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as chatty:
            await chatty.send("hello")
            assert await close_code(chatty) == 4400


async def test_a_quiet_client_gets_the_empty_awareness_frame(database_url: str) -> None:
    async with running_app(database_url, keepalive_interval=0.2) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as quiet:
            await next_of(quiet, SyncStep1)
            async with asyncio.timeout(60):
                assert await quiet.recv() == KEEP_ALIVE


async def test_names_may_hold_slashes_and_any_script(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text, "yard/%C5%81%C3%B3d%C5%BA%20A") as one:
            await next_of(one, SyncStep1)
            assert [live.document for live in app.services.live] == ["yard/Łódź A"]


@pytest.mark.parametrize("name", ["", "a/../b", "%ff", "a%3Fb", "x" * 256])
async def test_an_impossible_name_is_refused(database_url: str, name: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text, name) as refused:
            assert await close_code(refused) == 4400


async def test_a_page_of_another_origin_may_not_connect(database_url: str) -> None:
    async with running_app(database_url, allowed_origins=("https://fleet.example",)) as app:
        key = await app.key(await app.tenant())
        url = f"{app.sync_url}/depot?apiKey={key.text}"
        async with connect(url, origin="https://fleet.example") as ours:  # type: ignore[arg-type]
            await next_of(ours, SyncStep1)
        async with connect(url, origin="https://evil.example") as theirs:  # type: ignore[arg-type]
            assert await close_code(theirs) == 4403


async def test_a_credential_has_a_limited_number_of_sockets(database_url: str) -> None:
    async with running_app(database_url, connections_per_credential=1) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as one:
            await next_of(one, SyncStep1)
            async with socket(app, key.text) as two:
                assert await close_code(two) == 4529


async def test_draining_sends_everybody_away_with_what_they_sent_stored(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as one:
            await next_of(one, SyncStep1)
            await one.send(encode(SyncUpdate(update("a"))))
            await next_of(one, SyncUpdate)
            stopping = asyncio.create_task(app.server.stop())
            assert await close_code(one) == 4503
            await stopping


async def test_sockets_leave_nothing_behind(database_url: str) -> None:
    async with running_app(database_url, room_idle_timeout=0.0) as app:
        key = await app.key(await app.tenant())
        for _ in range(5):
            async with socket(app, key.text) as one:
                await next_of(one, SyncStep1)
        await eventually(lambda: len(app.services.live) == 0)
        await eventually(lambda: app.services.hub.status().rooms == 0)
