"""The socket door `/collab`: many documents on one socket, and each one's own way from token to end."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import connect

from tests.app import running_app
from tests.eventually import eventually
from tests.server.collab_client import DEPOT, CollabClient, collab_client
from tests.server.test_sync_door import next_of, socket
from tests.server.yards import NOTHING, YARD, key_of, update
from webhost_sync.sync import protocol
from webhost_sync.sync.collab_dialect import RESET
from webhost_sync.sync.hocuspocus import (
    PING,
    PONG,
    Address,
    Authenticated,
    BroadcastStateless,
    Close,
    Stateless,
    SyncReply,
    SyncStatus,
    Token,
)
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)


async def test_a_document_is_opened_asked_and_answered_in_order(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.say(
            Token(key), SyncStep1(b"\x00"), SyncStep2(update("a")), SyncUpdate(update("b", client_id=6))
        )
        assert await client.hear_one() == Authenticated("read-write")
        assert await client.hear_one() == SyncStep1(b"\x00")
        heard = [await client.hear_one() for _ in range(4)]
        assert sum(isinstance(message, SyncUpdate) for message in heard) >= 1
        assert [message for message in heard if isinstance(message, SyncStatus)] == [SyncStatus(True)] * 2


async def test_what_comes_before_the_token_is_dropped(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.say(SyncUpdate(update("early")), SyncStep1(b"\x00"))
        await client.open(await key_of(app))
        await client.say(SyncStep1(b"\x00"))
        assert await client.hear(SyncStep2) == NOTHING


async def test_clients_of_both_doors_share_a_room(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        async with socket(app, key) as other:
            await next_of(other, SyncStep1)
            await other.send(protocol.encode(SyncUpdate(update("a"))))
            assert await client.hear(SyncUpdate) == SyncUpdate(update("a"))
            await client.say(SyncUpdate(update("b", client_id=6)))
            await next_of(other, SyncUpdate)
            assert await next_of(other, SyncUpdate) == SyncUpdate(update("b", client_id=6))


async def test_documents_of_one_socket_are_apart(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client, collab_client(app) as other:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        await other.open(key, to=YARD)
        await client.say(SyncUpdate(update("a")), to=YARD)
        assert await client.hear(SyncStatus, of=YARD) == SyncStatus(True)
        assert await other.hear(SyncUpdate, of=YARD) == SyncUpdate(update("a"))
        await client.say(SyncStep1(b"\x00"))
        assert await client.hear(SyncStep2) == NOTHING


async def test_two_sessions_of_a_document_are_two_members(database_url: str) -> None:
    one, two = Address("depot", "one"), Address("depot", "two")
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key, to=one)
        await client.open(key, to=two)
        assert [live.document for live in app.services.live] == ["depot", "depot"]
        await client.say(SyncUpdate(update("a")), to=one)
        heard = [await client.frame() for _ in range(3)]
        assert sorted((address.session, type(message).__name__) for address, message in heard) == [
            ("one", "SyncStatus"),
            ("one", "SyncUpdate"),
            ("two", "SyncUpdate"),
        ]


async def test_presence_is_shown_asked_for_and_goes_with_its_document(database_url: str) -> None:
    shown = AwarenessUpdate((AwarenessEntry(9, 1, '{"name":"Zoë"}'),))
    async with running_app(database_url) as app, collab_client(app) as watcher, collab_client(app) as client:
        key = await key_of(app)
        await watcher.open(key)
        await client.open(key)
        await client.say(shown)
        assert await watcher.hear(AwarenessUpdate) == shown
        await watcher.say(QueryAwareness())
        assert await watcher.hear(AwarenessUpdate) == shown
        await client.say(Close())
        assert (await watcher.hear(AwarenessUpdate)).entries[0].is_leave
        assert client.connection.close_code is None


async def test_a_status_comes_after_the_commit_and_not_before(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.open(await key_of(app))
        blocker = await asyncpg.connect(database_url)
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("lock table document_updates in exclusive mode")
        await client.say(SyncUpdate(update("a")))

        async def waits() -> bool:
            return bool(await blocker.fetchval("select count(*) from pg_locks where not granted"))

        await eventually(waits)
        await client.hears_nothing()
        await transaction.rollback()
        await blocker.close()
        assert await client.hear(SyncStatus) == SyncStatus(True)


async def test_each_update_has_one_status_in_its_turn(database_url: str) -> None:
    async with running_app(database_url, document_limit=10_000) as app, collab_client(app) as client:
        await client.open(await key_of(app))
        large: Doc[Map[object]] = Doc(client_id=7)
        large.get("rows", type=Map)["large"] = "x" * 20_000
        await client.say(
            SyncUpdate(update("a")),
            SyncUpdate(large.get_update()),
            SyncUpdate(update("a")),
            SyncReply(SyncStep2(update("b", client_id=6))),
            SyncUpdate(EMPTY_UPDATE),
        )
        assert await client.statuses(5) == [True, False, True, True, True]


async def test_a_reader_is_told_so_and_its_writes_are_refused(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client, collab_client(app) as other:
        key = await app.key(await app.tenant())
        await other.open(key.text)
        assert await client.open(app.token(key, "read")) == "readonly"
        await client.say(SyncUpdate(update("a")), NOTHING, SyncStep2(update("b")))
        assert await client.statuses(3) == [False, True, False]
        await other.hears_nothing()


async def test_a_step_1_that_comes_again_is_answered_and_asked_back(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.open(await key_of(app))
        await client.say(SyncStep1(b"\x00"))
        assert await client.hear_one() == NOTHING
        await client.say(SyncStep1(b"\x00"))
        assert await client.hear_one() == SyncStep1(b"\x00")
        assert await client.hear_one() == NOTHING
        await client.say(SyncReply(SyncStep1(b"\x00")))
        assert await client.hear_one() == NOTHING


@pytest.mark.parametrize(
    ("bad", "statuses"),
    [
        (b"\x00\x02\x05abc", [False]),
        (b"\x00\x02\x03\xff\xff\xff", [False]),
        (b"\x00\x00\x01\xff", []),
        (b"\x01\x05\x01", []),
        (b"\x05\x02x", []),
        (b"", []),
    ],
)
async def test_bad_bytes_end_their_document_behind_what_came_before(
    database_url: str, bad: bytes, statuses: list[bool]
) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        await client.say(SyncUpdate(update("a")))
        await client.send(bad)
        heard = await client.hear_until(Close(RESET))
        told = [message.applied for message in heard if isinstance(message, SyncStatus)]
        assert told == [True, *statuses]
        await eventually(lambda: [live.document for live in app.services.live] == [YARD.name])
        await client.say(SyncUpdate(update("b")), to=YARD)
        assert await client.hear(SyncStatus, of=YARD) == SyncStatus(True)
        await client.open(key)


async def test_a_client_must_not_broadcast_stateless_messages(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client, collab_client(app) as other:
        key = await key_of(app)
        await client.open(key)
        await other.open(key)
        await client.say(Stateless("for nobody"), BroadcastStateless("for all"))
        assert await client.hear_one() == Close(RESET)
        await other.hears_nothing()


async def test_a_document_can_be_left_and_opened_again_at_once(database_url: str) -> None:
    """A provider that is detached and another that is attached send both in the same moment."""
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.say(Close(), SyncUpdate(update("dropped")), Token(key), SyncStep1(b"\x00"))
        assert await client.hear_one() == Authenticated("read-write")
        assert await client.hear_one() == SyncStep1(b"\x00")
        assert await client.hear_one() == NOTHING
        assert len(app.services.live) == 1


async def test_a_ping_is_answered_without_a_document(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.connection.send(PING)
        async with asyncio.timeout(60):
            assert await client.connection.recv() == PONG


async def test_a_quiet_socket_gets_presence_about_nobody_once_for_all_documents(database_url: str) -> None:
    async with running_app(database_url, keepalive_interval=0.4) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        assert await client.frame() == (DEPOT, AwarenessUpdate(()))
        assert await client.frame() == (DEPOT, AwarenessUpdate(()))


async def test_a_page_of_another_origin_may_not_connect(database_url: str) -> None:
    async with running_app(database_url, allowed_origins=("https://fleet.example",)) as app:
        key = await key_of(app)
        async with connect(app.collab_url, origin="https://fleet.example") as ours:  # type: ignore[arg-type]
            await CollabClient(ours).open(key)
        async with connect(app.collab_url, origin="https://evil.example") as theirs:  # type: ignore[arg-type]
            assert await CollabClient(theirs).close_code() == 4403


async def test_a_credential_has_a_limited_number_of_sockets_whatever_they_hold(database_url: str) -> None:
    async with (
        running_app(database_url, connections_per_credential=1) as app,
        collab_client(app) as one,
        collab_client(app) as two,
    ):
        key = await key_of(app)
        await one.open(key)
        await one.open(key, to=YARD)
        await two.say(Token(key))
        assert await two.close_code() == 4529


async def test_draining_closes_sockets_with_and_without_documents(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as one, collab_client(app) as idle:
        key = await key_of(app)
        await one.open(key)
        await one.open(key, to=YARD)
        await idle.connection.send(PING)
        assert await idle.connection.recv() == PONG
        await one.say(SyncUpdate(update("a")))
        await one.hear(SyncStatus)
        stopping = asyncio.create_task(app.server.stop())
        assert await one.close_code() == 4503
        assert await idle.close_code() == 4503
        await stopping


async def test_sockets_leave_nothing_behind(database_url: str) -> None:
    async with running_app(database_url, room_idle_timeout=0.0) as app:
        key = await key_of(app)
        for _ in range(5):
            async with collab_client(app) as one:
                await one.open(key)
                await one.open(key, to=YARD)
        await eventually(lambda: len(app.services.live) == 0)
        await eventually(lambda: app.services.hub.status().rooms == 0)
