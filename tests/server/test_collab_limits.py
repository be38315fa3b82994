"""What a client of `/collab` can cost, and what a document can cost its neighbours: bounded, and little."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pycrdt import Doc, Map

from tests.app import App, running_app
from tests.eventually import eventually
from tests.raw_socket import RawSocket, raw_socket
from tests.server.collab_client import DEPOT, CollabClient, collab_client
from tests.server.yards import YARD, key_of, update
from tests.store.logs import held, in_flight
from webhost_sync.config import KIB, MIB
from webhost_sync.errors import DocumentQuarantined, RoomClosing, StoreUnavailable
from webhost_sync.sync.hocuspocus import (
    Address,
    Close,
    Known,
    SyncStatus,
    Token,
    decode,
    encode,
    prefix_of,
    split,
)
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    PermissionDenied,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)


def outboxes(app: App) -> list[Outbox]:
    """Of all documents that are open."""
    return [live.outbox for live in app.services.live if isinstance(live.outbox, Outbox)]


async def test_a_socket_without_a_token_is_closed_soon(database_url: str) -> None:
    async with running_app(database_url, stranger_timeout=0.2) as app, collab_client(app) as silent:
        await silent.say(SyncStep1(b"\x00"))
        assert await silent.close_code() == 4401


async def test_a_refused_socket_is_quiet_and_closed_later(database_url: str) -> None:
    async with running_app(database_url, stranger_timeout=1.0, vacancy_timeout=4.0) as app:
        async with collab_client(app) as refused:
            await refused.say(Token("nonsense"))
            await refused.hear(PermissionDenied)
            await refused.hears_nothing(1.5)
            assert await refused.close_code() == 4401
        async with collab_client(app) as left:
            await left.open(await key_of(app))
            await left.say(Close())
            assert await left.close_code() == 4508


async def test_a_large_frame_of_a_stranger_closes_its_socket(database_url: str) -> None:
    async with running_app(database_url, stranger_bytes_limit=KIB) as app, collab_client(app) as stranger:
        await stranger.say(Token("x" * 2 * KIB))
        assert await stranger.close_code() == 4413


async def test_what_follows_a_token_waits_within_limits_and_none_of_it_is_lost(database_url: str) -> None:
    """More frames than may wait come at once: the rest is read when the document is open."""
    limits = {"stranger_frames_limit": 2, "stranger_documents_limit": 1}
    async with running_app(database_url, **limits) as app, collab_client(app) as client:
        key = await key_of(app)
        for address in (DEPOT, YARD):
            await client.say(Token(key), SyncStep2(EMPTY_UPDATE), to=address)
            await client.say(*(SyncUpdate(update(f"{n}", client_id=n)) for n in range(10)), to=address)
        told = {DEPOT: 0, YARD: 0}
        while set(told.values()) != {11}:
            address, message = await client.frame()
            told[address] += isinstance(message, SyncStatus)


async def test_one_document_too_many_is_told_so_and_the_others_stay(database_url: str) -> None:
    async with running_app(database_url, documents_per_socket=1) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.say(Token(key), to=YARD)
        assert "1 documents" in (await client.hear(Close, of=YARD)).reason  # type: ignore[operator]
        await client.say(Close())
        await eventually(lambda: len(app.services.live) == 0)
        await client.open(key, to=YARD)


async def test_a_frame_without_an_address_closes_its_socket(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as bad, collab_client(app) as text:
        await bad.connection.send(b"\x50short")
        assert await bad.close_code() == 4400
        await text.connection.send("hello")
        assert await text.close_code() == 4400


async def test_presence_that_is_too_large_ends_its_document_only(database_url: str) -> None:
    async with running_app(database_url, presence_state_limit=100) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        await client.say(AwarenessUpdate((AwarenessEntry(1, 1, f'"{"x" * 200}"'),)))
        await client.hear(Close)
        await client.say(SyncUpdate(update("a")), to=YARD)
        assert await client.hear(SyncStatus, of=YARD) == SyncStatus(True)


async def test_the_backlog_of_one_document_does_not_delay_another(database_url: str) -> None:
    """A thousand updates take five seconds at this rate; the other document's one is not behind them."""
    async with running_app(database_url, update_rate=200.0) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        change = SyncUpdate(update("a"))
        await client.say(*[change] * 1200)
        await client.say(change, to=YARD)
        statuses = {DEPOT: 0, YARD: 0}
        while not statuses[YARD]:
            address, message = await client.frame()
            statuses[address] += isinstance(message, SyncStatus)
        assert statuses[DEPOT] < 800
        assert await client.statuses(1200 - statuses[DEPOT]) == [True] * (1200 - statuses[DEPOT])


async def test_a_lost_room_closes_its_document_and_no_other(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.open(key, to=YARD)
        [depot] = [live for live in app.services.live if live.document == DEPOT.name]
        depot.outbox.close(RoomClosing())
        assert await client.hear(Close) == Close(RoomClosing().reason)
        await client.say(SyncUpdate(update("a")), to=YARD)
        assert await client.hear(SyncStatus, of=YARD) == SyncStatus(True)
        await client.open(key)


async def test_a_socket_whose_only_document_is_lost_is_sent_away_to_come_back(database_url: str) -> None:
    """A stock provider opens a document again only with a new socket."""
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.open(await key_of(app))
        [depot] = app.services.live
        depot.outbox.close(StoreUnavailable())
        assert await client.hear(Close) == Close(StoreUnavailable().reason)
        assert await client.close_code() == 1013


async def test_what_a_lost_room_had_not_stored_is_not_acknowledged(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.open(await key_of(app))
        [live] = app.services.live
        document = await app.services.log.open(live.principal.tenant_id, DEPOT.name, create=False)
        async with held(database_url, document) as holder:
            await client.say(SyncUpdate(update("a")))
            await eventually(lambda: in_flight(database_url))
            await holder.execute("update documents set state = 'quarantined'")
        heard = await client.hear_until(Close(DocumentQuarantined().reason))
        assert not [message for message in heard if isinstance(message, SyncStatus)]


class SlowReader:
    """A client that reads only when it is told to."""

    def __init__(self, socket: RawSocket) -> None:
        self.socket = socket

    def say(self, *messages: Known, to: Address = DEPOT) -> None:
        for message in messages:
            self.socket.send(prefix_of(to) + encode(message))

    async def read_until(self, documents: dict[Address, Doc[Map[object]]], keys: dict[Address, int]) -> None:
        """Apply what comes until each document has so many keys."""
        async with asyncio.timeout(60):
            while {address: len(doc.get("rows", type=Map)) for address, doc in documents.items()} != keys:
                address, body = split(await self.socket.receive())
                message = decode(body)
                if isinstance(message, SyncStep2 | SyncUpdate):
                    documents[address].apply_update(message.update)


@asynccontextmanager
async def slow_reader(app: App) -> AsyncIterator[SlowReader]:
    async with raw_socket(app.collab_url) as socket:
        sock = socket.writer.transport.get_extra_info("socket")
        sock.setsockopt(1, 8, struct.pack("i", 16 * KIB))  # SOL_SOCKET, SO_RCVBUF
        yield SlowReader(socket)


async def test_a_slow_reader_of_several_documents_is_caught_up_in_each(database_url: str) -> None:
    async with (
        running_app(database_url, outbox_limit=300 * KIB) as app,
        collab_client(app) as writer,
        slow_reader(app) as slow,
    ):
        key = await key_of(app)
        addresses = [Address(f"slow/{number}") for number in range(5)]
        documents: dict[Address, Doc[Map[object]]] = {address: Doc() for address in addresses}
        for address in addresses:
            await writer.open(key, to=address)
            slow.say(Token(key), SyncStep1(b"\x00"), to=address)
        await slow.read_until(documents, dict.fromkeys(addresses, 0))
        await eventually(lambda: len(app.services.live) == 10)
        slow.socket.reader._transport.pause_reading()  # type: ignore[attr-defined]
        count = 0
        while sum(outbox.is_behind for outbox in outboxes(app)) < len(addresses):
            for address in addresses:
                await write_large(writer, address, count)
            count += 1
            assert max(outbox.buffered for outbox in outboxes(app)) < 2 * MIB
        slow.socket.reader._transport.resume_reading()  # type: ignore[attr-defined]
        await slow.read_until(documents, dict.fromkeys(addresses, count))


async def write_large(writer: CollabClient, address: Address, number: int, *, size: int = 200_000) -> None:
    doc: Doc[Map[object]] = Doc(client_id=number + 1)
    doc.get("rows", type=Map)[f"{number}"] = "x" * size
    await writer.say(SyncUpdate(doc.get_update()), to=address)
    assert await writer.statuses(1, of=address) == [True]


async def test_a_reader_that_stays_stuck_is_closed(database_url: str) -> None:
    limits = {"outbox_limit": 300 * KIB, "outbox_timeout": 1.0}
    async with (
        running_app(database_url, **limits) as app,
        collab_client(app) as writer,
        slow_reader(app) as slow,
    ):
        key = await key_of(app)
        await writer.open(key)
        slow.say(Token(key), SyncStep1(b"\x00"))
        await eventually(lambda: len(app.services.live) == 2)
        slow.socket.reader._transport.pause_reading()  # type: ignore[attr-defined]
        number = 0
        while len(app.services.live) == 2:
            await write_large(writer, DEPOT, number)
            number += 1
            await asyncio.sleep(0.01)
        assert number > 1


async def test_every_document_is_opened_whose_first_answers_do_not_fit(database_url: str) -> None:
    """A client whose answers wait is read no further, so that it has them before it asks for more."""
    async with (
        running_app(database_url, outbox_limit=300 * KIB) as app,
        collab_client(app) as writer,
        slow_reader(app) as slow,
    ):
        key = await key_of(app)
        addresses = [Address(f"many/{number}") for number in range(40)]
        for address in addresses:
            await writer.open(key, to=address)
            await write_large(writer, address, 0, size=400_000)
        slow.say(Token(key), SyncStep1(b"\x00"), to=addresses[0])
        await slow.socket.receive()
        slow.socket.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for address in addresses[1:]:
            slow.say(Token(key), SyncStep1(b"\x00"), to=address)
        await eventually(lambda: any(outbox.is_full for outbox in outboxes(app)))
        slow.socket.reader._transport.resume_reading()  # type: ignore[attr-defined]
        asked: set[Address] = set()
        answered: set[Address] = set()
        async with asyncio.timeout(60):
            while len(asked) < len(addresses) or len(answered) < len(addresses):
                address, body = split(await slow.socket.receive())
                message = decode(body)
                if isinstance(message, SyncStep1):
                    asked.add(address)
                if isinstance(message, SyncStep2) and len(message.update) > 100_000:
                    answered.add(address)
