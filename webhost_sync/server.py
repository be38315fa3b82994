"""Runs the ASGI app under uvicorn, and takes it down without losing a close code.

In: the app, the settings, and the app's `drain`. Out: a listening process that says on which URL it is
ready. Stopping goes in this order: no new connections; `drain` (the app closes its sockets with 4503 and
commits what is open); the clients' answers to that; then uvicorn's own shutdown and the app's lifespan.
Knows nothing of rooms or the store.
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from webhost_sync.config import Settings
from webhost_sync.uvicorn_http import HttpProtocol
from webhost_sync.uvicorn_protocol import SocketProtocol

GRACE = 5.0
"""Seconds for each step of stopping that has no limit of its own."""
POLL = 0.05
SWITCH = 0.0005
"""Seconds that a thread may compute while the event loop wants to go on. By default 5 ms, at each system call
of the loop: a few threads that draw documents made everybody else's answers take half a second."""
BACKLOG = 2048
KEEP_ALIVE = 75

Drain = Callable[[], Coroutine[object, object, None]]

log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """the server can't listen on its address"""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        super().__init__(host, port)
        self.host = host
        self.port = port
        self.cause = cause

    def __str__(self) -> str:
        reason = os.strerror(self.cause.errno) if self.cause.errno else str(self.cause)
        return (
            f"can't listen on {self.host} port {self.port}: {reason.lower()}; stop what uses it, "
            "or set HOST and PORT to an address of this machine that is free (PORT=0 takes any free port)"
        )


def serve(app: ASGIApp, settings: Settings, drain: Drain, sockets: list[socket.socket] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order; a second signal stops at once.

    Returns normally in both cases, so that whoever called it can clean up.

    Raises:
        CannotListen: the address is in use, or not of this machine.
        SystemExit: the app's lifespan failed to start (it has been logged).
    """
    server = Server(make_config(app, settings), drain, settings.drain_timeout)
    # What is loaded by now stays, and a thousand sockets that join at once make few cycles: full
    # collections took 200 ms each meanwhile, in which nobody was served.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    # Each time the loop has sent or read something it takes its turn again behind the thread that computes.
    sys.setswitchinterval(SWITCH)
    with ExitStack() as open_sockets:
        listening = sockets or [open_sockets.enter_context(listen(settings))]
        server.run(listening)


def listen(settings: Settings) -> socket.socket:
    """Bind the socket of `host` and `port`; port 0 takes a free one.

    Raises:
        CannotListen: the address is in use, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(settings.host, settings.port, error) from error
    # asyncio would set it, but not on sockets that were accepted from one it did not make; without it
    # an answer in two writes waits 40 ms for the client's acknowledgement of the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def make_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """The uvicorn settings of this server; logging stays as `configure_logging` set it up."""
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=SocketProtocol,
        loop="auto",
        lifespan="on",
        backlog=BACKLOG,
        ws_max_size=settings.frame_limit,
        ws_ping_interval=settings.ping_interval,
        # Longer than a stuck reader is borne with: its pongs come late, and 1013 tells it more than 1011.
        ws_ping_timeout=max(settings.ping_interval, 2 * settings.outbox_timeout),
        ws_per_message_deflate=False,
        # Longer than devices pause between two round trips: uvicorn's 5 s close under their next request.
        timeout_keep_alive=KEEP_ALIVE,
        proxy_headers=True,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=math.ceil(GRACE),
    )


class Server(uvicorn.Server):
    """A uvicorn server that asks the app to drain before it closes any socket itself.

    Invariants:
    1. `drain` runs exactly once, after the last connection was accepted, unless a second signal came.
    2. Stopping takes at most `drain_timeout` and three times `GRACE`.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain, drain_timeout: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_timeout = drain_timeout
        self.url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if not await self._started_app(sockets):
            log.warning("stopped before the app had started")
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        log.info("server ready", url=self.url)

    async def _started_app(self, sockets: list[socket.socket] | None) -> bool:
        """Start; tell whether it was done before a second signal (the app may wait for its database)."""
        task = asyncio.create_task(super().startup(sockets), name="startup")
        told = False
        try:
            while not task.done() and not self.force_exit:
                await asyncio.wait({task}, timeout=POLL)
                if self.should_exit and not told:
                    told = True
                    log.info("stopping once the app has started; a second signal stops at once")
        finally:
            task.cancel()  # does nothing when it has ended
            await asyncio.wait({task})
        return not task.cancelled()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        if not self.force_exit:
            await self._drain_app()
            await self._answered()
        await super().shutdown(sockets)

    async def _drain_app(self) -> None:
        started = time.monotonic()
        deadline = started + self._drain_timeout + GRACE
        log.info("draining", connections=len(self.server_state.connections))
        task = asyncio.create_task(self._drain(), name="drain")
        try:
            while not task.done() and not self.force_exit and time.monotonic() < deadline:
                await asyncio.wait({task}, timeout=POLL)
        finally:
            task.cancel()  # does nothing when it has ended
            await asyncio.wait({task})
        if task.cancelled():
            log.error("drain cut short", forced=self.force_exit)
        elif (error := task.exception()) is not None:
            log.error("drain failed", exc_info=error)
        else:
            log.info("drained", milliseconds=round((time.monotonic() - started) * 1000))

    async def _answered(self) -> None:
        """Wait until the clients have answered their close frames.

        Uvicorn would close the connections right away; data that such a client sent meanwhile then
        resets its connection, and it sees 1006 in place of the code that we sent.
        """
        deadline = time.monotonic() + GRACE
        while self._closing() and not self.force_exit and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL)  # polled, as uvicorn does: its set of connections announces nothing

    def _closing(self) -> bool:
        connections = self.server_state.connections
        return any(
            isinstance(connection, SocketProtocol) and connection.close_sent for connection in connections
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order at the first signal, at once at the second.

        Nothing is logged here: the signal may have interrupted the writing of a line. And the signals
        are not raised again at the end, as uvicorn does: that would kill the process before its
        callers could release what they hold (an embedded Postgres, say).
        """
        self.force_exit = self.should_exit
        self.should_exit = True
