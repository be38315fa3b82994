"""Both transports keep the same promises, on both event loops, under the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WebSocketFrame
from websockets.uri import parse_uri

from tests.eventually import eventually
from tests.server.sockets import Server
from webhost_sync import uvicorn_protocol
from webhost_sync.config import KIB, MIB
from webhost_sync.sync import transport as transport_module
from webhost_sync.sync.transport import Frame, Transport
from webhost_sync.uvicorn_protocol import DirectTransport

LOOP_FACTORIES = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["direct", "asgi"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with Server(direct=request.param == "direct").running() as running:
        yield running


async def fill(transport: Transport, waiting: int) -> int:
    """Write 64 KiB frames, each with its number, until `waiting` bytes are buffered; return how many."""
    for number in range(2000):
        transport.write(Frame(number.to_bytes(4) + bytes(64 * KIB)))
        await asyncio.sleep(0)
        if transport.buffered > waiting:
            return number + 1
    raise AssertionError("the client's kernel took everything")


@given(st.sampled_from([0, 1, 125, 126, 65535, 65536, 70000]), st.binary(max_size=8))
def test_a_frame_is_what_rfc_6455_says(length: int, start: bytes) -> None:
    payload = start + bytes(length)
    client = ClientProtocol(parse_uri("ws://localhost/"), max_size=None)
    client.state = client.state.OPEN
    client.parser = super(ClientProtocol, client).parse()
    next(client.parser)
    client.receive_data(Frame(payload).wire)
    (event,) = client.events_received()
    assert isinstance(event, WebSocketFrame)
    assert (event.opcode, event.fin, bytes(event.data)) == (2, True, payload)


def test_a_frame_is_framed_once() -> None:
    frame = Frame(b"once")
    assert frame.wire is frame.wire


async def test_the_socket_is_used_directly_only_where_the_server_offers_it(server: Server) -> None:
    async with server.client() as (transport, _):
        assert isinstance(transport, DirectTransport) == server.direct


async def test_messages_arrive_in_the_order_written(server: Server) -> None:
    async with server.client() as (transport, client):
        for number in range(500):
            transport.write(Frame(number.to_bytes(4)))
        assert [await client.recv() for _ in range(500)] == [number.to_bytes(4) for number in range(500)]


async def test_each_of_many_writers_keeps_its_order(server: Server) -> None:
    async def write(transport: Transport, writer: int) -> None:
        for number in range(100):
            transport.write(Frame(bytes([writer, number])))
            await asyncio.sleep(0)

    async with server.client() as (transport, client), asyncio.TaskGroup() as writers:
        for writer in range(4):
            writers.create_task(write(transport, writer))
        arrived = [await client.recv(decode=False) for _ in range(400)]
        for writer in range(4):
            assert [number for who, number in arrived if who == writer] == list(range(100))


async def test_one_frame_reaches_every_member(server: Server) -> None:
    async with server.client() as (first, one), server.client() as (second, two):
        frame = Frame(b"for all")
        first.write(frame)
        second.write(frame)
        assert await one.recv() == await two.recv() == b"for all"


async def test_a_message_of_a_megabyte_arrives_whole(server: Server) -> None:
    payload = bytes(range(256)) * (MIB // 256)
    async with server.client() as (transport, client):
        transport.write(Frame(payload))
        assert await client.recv() == payload


async def test_the_client_gets_all_messages_then_the_code_and_the_reason(server: Server) -> None:
    async with server.client() as (transport, client):
        transport.write(Frame(b"last words"))
        await transport.close(4503, "the server is restarting")
        assert await client.recv() == b"last words"
        await expect_close(client.recv(), 4503, "the server is restarting")
    await eventually(lambda: server.disconnects != [])


async def test_nothing_is_written_after_close_and_the_first_close_wins(server: Server) -> None:
    async with server.client() as (transport, client):
        await transport.close(4403, "no access")
        transport.write(Frame(b"too late"))
        await transport.close(1000, "")
        transport.abort()
        assert transport.buffered == 0
        await expect_close(client.recv(), 4403, "no access")


async def test_a_stuck_reader_is_seen_and_waited_for(server: Server) -> None:
    async with server.client() as (transport, client):
        count = await fill(transport, waiting=MIB)
        drained = asyncio.create_task(transport.drained())
        await asyncio.wait({drained}, timeout=0.05)
        assert not drained.done()
        for number in range(count):
            message = await client.recv(decode=False)
            assert message[:4] == number.to_bytes(4)
        await drained
        assert transport.buffered <= transport_module.LOW_WATER


async def test_closing_a_stuck_reader_frees_its_buffer_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "CLOSE_TIMEOUT", 0.1)
    monkeypatch.setattr(uvicorn_protocol, "CLOSE_TIMEOUT", 0.1)
    async with server.client() as (transport, _):
        await fill(transport, waiting=MIB)
        await transport.close(1013, "too slow")
        await eventually(lambda: transport.buffered == 0)
        await eventually(nothing_connected(server))


async def test_a_sender_that_does_not_look_at_the_buffer_loses_the_connection() -> None:
    for direct in (True, False):
        async with (
            Server(direct=direct, limit=MIB).running() as server,
            server.client() as (transport, client),
        ):
            await fill(transport, waiting=MIB)
            transport.write(Frame(b"one too many"))
            await eventually(lambda: transport.buffered == 0)
            assert b"one too many" not in [message async for message in everything(client)]


async def test_abort_drops_the_connection_and_releases_who_waits(server: Server) -> None:
    async with server.client() as (transport, client):
        await fill(transport, waiting=MIB)
        drained = asyncio.create_task(transport.drained())
        transport.abort()
        await drained
        transport.write(Frame(b"too late"))
        assert b"too late" not in [message async for message in everything(client)]


async def test_a_vanished_client_harms_nobody(server: Server) -> None:
    async with server.client() as (transport, client), server.client() as (other, reader):
        await fill(transport, waiting=MIB)
        drained = asyncio.create_task(transport.drained())
        client.transport.abort()
        await drained
        await eventually(lambda: server.disconnects != [])
        transport.write(Frame(b"into the void"))
        await transport.close(4503, "")
        assert transport.buffered == 0
        other.write(Frame(b"still here"))
        assert await reader.recv() == b"still here"


async def test_fragments_and_pings_from_the_client_do_not_mix_with_what_is_written(server: Server) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(20):
            await client.ping()
            yield bytes([number]) * 1000

    async with server.client() as (transport, client):
        writing = asyncio.create_task(fill_slowly(transport, 300))
        sending = asyncio.create_task(client.send(pieces()))
        assert [await client.recv() for _ in range(300)] == [
            number.to_bytes(4) * 100 for number in range(300)
        ]
        await asyncio.gather(writing, sending)
        await (await client.ping())
        await eventually(lambda: server.received == [b"".join(bytes([n]) * 1000 for n in range(20))])


async def everything(client: ClientConnection) -> AsyncIterator[str | bytes]:
    """What a client still gets, until its connection ends."""
    try:
        while True:
            yield await client.recv()
    except ConnectionClosed:
        return


async def fill_slowly(transport: Transport, count: int) -> None:
    for number in range(count):
        transport.write(Frame(number.to_bytes(4) * 100))
        await asyncio.sleep(0)


async def test_an_error_in_the_endpoint_closes_with_4500(server: Server) -> None:
    async with server.client() as (_, client):
        await client.send(b"fail")
        await expect_close(client.recv(), 4500, "the server failed; it has been logged")


async def test_a_cancelled_endpoint_drops_its_connection(server: Server) -> None:
    async with server.client() as (_, client):
        await client.send(b"cancel")
        await client.wait_closed()
        assert client.protocol.close_rcvd is None


async def test_leaving_the_transport_closes_normally(server: Server) -> None:
    async with server.client() as (transport, client):
        transport.write(Frame(b"goodbye"))
        await client.send(b"leave")
        assert await client.recv() == b"goodbye"
        await expect_close(client.recv(), 1000, "")


async def expect_close(receiving: Awaitable[object], code: int, reason: str) -> None:
    """The client's end says exactly this."""
    with pytest.raises(ConnectionClosed) as closed:
        await receiving
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


def nothing_connected(server: Server) -> Callable[[], bool]:
    assert server.live is not None
    state = server.live.server.server_state
    return lambda: not state.connections
