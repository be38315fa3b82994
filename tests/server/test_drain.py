"""Stopping: sockets are closed by the app with its own code, before the server touches them."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AbstractAsyncContextManager, suppress

import httpx
import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.eventually import eventually
from tests.live_server import PythonProcess, live_server, python_process
from tests.server.sockets import Server
from webhost_sync import server as server_module
from webhost_sync.config import Settings
from webhost_sync.server import CannotListen, listen
from webhost_sync.sync.transport import Frame, Transport

LOOP_FACTORIES = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Drain:
    """An app's drain: commits (when `commit` is set), then closes what it knows."""

    def __init__(self) -> None:
        self.transports: list[Transport] = []
        self.started = asyncio.Event()
        self.commit = asyncio.Event()
        self.done = False

    async def __call__(self) -> None:
        self.started.set()
        await self.commit.wait()
        for transport in self.transports:
            transport.write(Frame(b"committed"))
            await transport.close(4503, "the server is restarting")
        self.done = True


async def test_clients_get_what_was_committed_and_then_4503() -> None:
    drain, server = Drain(), Server(direct=True)
    drain.commit.set()
    async with live_server(server.app, drain=drain) as live, connect(live.ws_url) as client:
        drain.transports.append(await server.opened.get())
        stopping = asyncio.create_task(live.stop())
        assert await client.recv() == b"committed"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4503
        await stopping


async def test_a_client_that_is_sending_still_learns_the_code() -> None:
    drain, server = Drain(), Server(direct=True)
    drain.commit.set()
    async with live_server(server.app, drain=drain) as live, connect(live.ws_url) as client:
        drain.transports.append(await server.opened.get())
        stopping = asyncio.create_task(live.stop())
        with suppress(ConnectionClosed):
            while True:
                await client.send(bytes(100_000))
        await stopping
        assert client.close_code == 4503


async def test_nobody_new_is_accepted_while_open_work_is_awaited() -> None:
    drain, server = Drain(), Server(direct=True)
    async with live_server(server.app, drain=drain) as live, connect(live.ws_url) as client:
        drain.transports.append(await server.opened.get())
        stopping = asyncio.create_task(live.stop())
        await drain.started.wait()
        with pytest.raises(ConnectionRefusedError):
            await connect(live.ws_url)
        await (await client.ping())
        assert not stopping.done()
        drain.commit.set()
        await stopping
        assert drain.done


async def test_a_request_under_way_is_answered() -> None:
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        arrived.set()
        await answer.wait()
        return PlainTextResponse("done")

    async with live_server(Starlette(routes=[Route("/", slow)])) as live, httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(live.url))
        await arrived.wait()
        stopping = asyncio.create_task(live.stop())
        answer.set()
        assert (await asking).text == "done"
        await stopping


async def test_a_failing_drain_does_not_keep_the_server_up() -> None:
    async def fail() -> None:
        raise LookupError("drain failed")

    server = Server(direct=True)
    async with live_server(server.app, drain=fail) as live, connect(live.ws_url) as client:
        await live.stop()
        await client.wait_closed()
        assert client.close_code == 1012


async def test_a_drain_that_never_ends_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "GRACE", 0.1)
    drain, server = Drain(), Server(direct=True)
    async with live_server(server.app, Settings(drain_timeout=0.1), drain) as live:
        await live.stop()
    assert not drain.done


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with listen(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"port {port}: address already in use; .*PORT=0"):
            listen(Settings(port=port))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotListen, match=r"can't listen on 192\.0\.2\.1 port 8000"):
        listen(Settings(host="192.0.2.1"))


def test_it_listens_on_ipv6() -> None:
    if socket.has_ipv6:
        with listen(Settings(host="::1", port=0)) as listening:
            assert listening.family == socket.AF_INET6


PROGRAM = """
import asyncio, contextlib, sys
from starlette.applications import Starlette
from webhost_sync.config import Settings
from webhost_sync.logs import configure_logging
from webhost_sync.server import serve

async def drain():
    print("drain", asyncio.get_running_loop().__module__, flush=True)
    await asyncio.sleep({drain_seconds})

@contextlib.asynccontextmanager
async def lifespan(app):
    print("starting", flush=True)
    {start}
    yield

settings = Settings(port=0)
configure_logging(settings, sys.stdout)
try:
    serve(Starlette(lifespan=lifespan), settings, drain)
finally:
    print("cleaned up", flush=True)
"""


def program(*, drain_seconds: float = 0, start: str = "pass") -> AbstractAsyncContextManager[PythonProcess]:
    return python_process(PROGRAM.format(drain_seconds=drain_seconds, start=start))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_the_caller_cleans_up(number: signal.Signals) -> None:
    async with program() as process:
        await process.line_with("server ready")
        process.send_signal(number)
        assert await process.line_with("drain ") == "drain uvloop"
        await process.line_with("cleaned up")
        assert await process.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_stops_at_once(number: signal.Signals) -> None:
    async with program(drain_seconds=3600) as process:
        await process.line_with("server ready")
        process.send_signal(number)
        await process.line_with("drain ")
        process.send_signal(number)
        await process.line_with("drain cut short")
        await process.line_with("cleaned up")
        assert await process.ended() == 0


async def test_a_second_signal_ends_a_start_that_hangs() -> None:
    async with program(start="await asyncio.sleep(3600)") as process:
        await process.line_with("starting")
        process.send_signal(signal.SIGINT)
        await process.line_with("a second signal stops at once")
        process.send_signal(signal.SIGINT)
        await process.line_with("stopped before the app had started")
        await process.line_with("cleaned up")
        assert await process.ended() == 0


async def test_an_app_that_cannot_start_ends_the_process_with_an_error() -> None:
    async with program(start="raise LookupError('no database')") as process:
        await process.line_with("no database")
        await process.line_with("cleaned up")
        assert await process.ended() == 3


async def test_the_url_is_known_with_port_0() -> None:
    async with live_server(Server(direct=True).app) as live:
        await eventually(lambda: live.url.startswith("http://127.0.0.1:"))
        assert not live.url.endswith(":0")
