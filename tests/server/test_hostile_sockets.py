"""Clients that don't read, don't answer or send nonsense cost bounded memory and time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop
from websockets.exceptions import ConnectionClosed

from tests.eventually import eventually
from tests.server.sockets import Server
from webhost_sync.config import KIB, MIB, Settings
from webhost_sync.sync.transport import HIGH_WATER, Frame, Transport
from webhost_sync.uvicorn_protocol import FRAGMENT_LIMIT

LOOP_FACTORIES = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
BINARY, CONTINUATION, CLOSE, PING = 0x82, 0x00, 0x88, 0x89


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(direct=True).running() as running:
        yield running


@asynccontextmanager
async def raw_client(
    server: Server,
) -> AsyncIterator[tuple[Transport, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client that has shaken hands and does nothing more by itself."""
    assert server.live is not None
    host, port = server.live.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield await server.opened.get(), reader, writer
    finally:
        writer.transport.abort()


def masked(first_byte: int, payload: bytes) -> bytes:
    """A client's frame with the mask 0, which leaves the payload as it is."""
    return struct.pack("!BB4x", first_byte, 0x80 | len(payload)) + payload


async def test_pings_of_a_client_that_reads_no_pongs_are_not_answered_without_end(server: Server) -> None:
    async with raw_client(server) as (transport, _, writer):
        while transport.buffered <= HIGH_WATER:
            transport.write(Frame(bytes(64 * KIB)))
            await asyncio.sleep(0)
        before = transport.buffered
        writer.write(masked(PING, bytes(125)) * 20_000 + masked(BINARY, b"done"))
        await eventually(lambda: server.received == [b"done"])
        assert transport.buffered <= before + MIB // 4


async def test_a_message_of_endless_empty_fragments_is_refused(server: Server) -> None:
    async with raw_client(server) as (_, reader, writer):
        writer.write(masked(0x02, b"") + masked(CONTINUATION, b"") * (2 * FRAGMENT_LIMIT))
        opcode, _, code = struct.unpack("!BBH", await reader.readexactly(4))
        assert (opcode, code) == (0x88, 1009)
        await eventually(lambda: server.disconnects == [1009])


async def test_an_oversize_frame_closes_only_its_own_connection() -> None:
    small = Server(direct=True, settings=Settings(frame_limit=KIB))
    async with small.running(), small.client() as (_, bad), small.client() as (transport, good):
        await bad.send(bytes(2 * KIB))
        with pytest.raises(ConnectionClosed) as closed:
            await bad.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        transport.write(Frame(b"unharmed"))
        assert await good.recv() == b"unharmed"


async def test_a_socket_that_is_not_read_stops_its_sender(server: Server) -> None:
    server.reading.clear()
    async with raw_client(server) as (_, _, writer):
        flood = masked(BINARY, bytes(100)) * 10_000
        for _ in range(16):
            writer.write(flood)
        drained = asyncio.create_task(writer.drain())
        await asyncio.wait({drained}, timeout=0.3)
        assert not drained.done()
        assert len(server.received) <= 1
        server.reading.set()
        await drained
        await eventually(lambda: len(server.received) == 160_000)


async def test_nothing_is_read_of_a_client_before_the_app_wants_it(server: Server) -> None:
    server.reading.clear()
    async with raw_client(server) as (_, _, writer):
        message = struct.pack("!BBQ4x", BINARY, 0xFF, 7 * MIB) + bytes(7 * MIB)
        writer.write(message)
        sent = asyncio.create_task(writer.drain())
        await asyncio.wait({sent}, timeout=0.3)
        assert not sent.done()
        server.reading.set()
        await sent
        await eventually(lambda: server.received == [bytes(7 * MIB)])


async def test_a_peer_that_answers_no_ping_is_dropped_and_the_app_is_told() -> None:
    impatient = Server(direct=True, settings=Settings(ping_interval=0.05, outbox_timeout=0.1))
    async with impatient.running(), raw_client(impatient) as (transport, _, _):
        while transport.buffered <= HIGH_WATER:
            transport.write(Frame(bytes(64 * KIB)))
            await asyncio.sleep(0)
        await eventually(lambda: impatient.disconnects == [1006])


async def test_a_client_is_not_dropped_for_pongs_that_we_have_not_read() -> None:
    impatient = Server(direct=True, settings=Settings(ping_interval=0.05, outbox_timeout=0.05))
    async with impatient.running(), impatient.client() as (transport, client):
        impatient.reading.clear()
        await client.send(b"one")
        await client.send(b"two")
        await client.send(b"three")
        await asyncio.wait({asyncio.create_task(client.wait_closed())}, timeout=0.5)
        impatient.reading.set()
        await eventually(lambda: impatient.received == [b"one", b"two", b"three"])
        transport.write(Frame(b"still here"))
        assert await client.recv() == b"still here"


async def test_a_burst_comes_whole_and_in_order_before_the_news_that_its_sender_has_left(
    server: Server,
) -> None:
    """It is far more than what is taken apart at a time, and its sender waits for nothing."""
    numbers = [number.to_bytes(4) for number in range(50_000)]
    async with raw_client(server) as (_, _, writer):
        writer.write(b"".join(masked(BINARY, number) for number in numbers))
        writer.write_eof()
        await eventually(lambda: len(server.disconnects) == 1, within=90)
        assert server.received == numbers


async def test_a_close_frame_behind_a_burst_is_answered_when_the_burst_was_taken(server: Server) -> None:
    async with raw_client(server) as (_, reader, writer):
        writer.write(masked(BINARY, b"one") * 5_000 + masked(CLOSE, struct.pack("!H", 1000)))
        opcode, _, code = struct.unpack("!BBH", await reader.readexactly(4))
        assert (opcode, code) == (0x88, 1000)
        await eventually(lambda: server.disconnects == [1000])
        assert server.received == [b"one"] * 5_000


async def test_whoever_is_sent_away_in_the_middle_of_a_burst_is_gone_with_its_answer(server: Server) -> None:
    async with raw_client(server) as (_, reader, writer):
        writer.write(masked(BINARY, b"leave") + masked(BINARY, b"more") * 5_000)
        opcode, _, code = struct.unpack("!BBH", await reader.readexactly(4))
        assert (opcode, code) == (0x88, 1000)
        writer.write(masked(CLOSE, struct.pack("!H", 1000)))
        assert await reader.read() == b""
        assert server.received == []


async def test_what_came_before_a_socket_broke_arrives_little_by_little(server: Server) -> None:
    async with raw_client(server) as (transport, _, writer):
        server.reading.clear()  # after the message that is being waited for
        writer.write(masked(BINARY, bytes(20)) * 5_000)
        await eventually(lambda: len(server.received) == 1)
        transport.abort()
        await asyncio.sleep(0)
        server.reading.set()
        while len(server.received) == 1:  # noqa: ASYNC110 what is seen is the next turn of the loop
            await asyncio.sleep(0)
        assert len(server.received) < 1_000, "all of it was taken apart at once"
        await eventually(lambda: bool(server.disconnects))
    assert server.disconnects == [1005]
