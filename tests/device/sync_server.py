"""A small real server for the device's tests: both doors over documents in memory.

It commits by applying, so "committed" is what `Room.doc` holds. Faults are switched on by the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import uvicorn
from pycrdt import Array, Doc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from webhost_sync.errors import NotAuthenticated, SyncError, WrongEpoch
from webhost_sync.fleet.chunk import Fix, decode_chunk
from webhost_sync.sync.lib0 import Reader, write_bytes
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, decode, encode

KEY = "whs_test_" + "0" * 64
PORTAL = Response("<html>Welcome to the hotel</html>", 502, media_type="text/html")


@dataclass
class Room:
    """One document of the server."""

    doc: Doc[Any] = field(default_factory=lambda: Doc(client_id=1))
    epoch: str = field(default_factory=lambda: str(uuid4()))
    sockets: set[WebSocket] = field(default_factory=set)


@dataclass
class SyncServer:
    """The documents, what happened, and what shall go wrong."""

    rooms: dict[str, Room] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    applied: list[tuple[Room, bytes]] = field(default_factory=list)
    sockets_opened: int = 0
    key: str = KEY
    url: str = ""
    lose_requests: int = 0
    lose_answers: int = 0
    echo: bool = True
    meanwhile: Callable[[], None] | None = None
    """What the test does while the next answer is on its way."""
    refusals: dict[str, SyncError] = field(default_factory=dict)

    def room(self, name: str) -> Room:
        return self.rooms.setdefault(name, Room())

    def backup(self) -> dict[str, bytes]:
        return {name: room.doc.get_update() for name, room in self.rooms.items()}

    def restore(self, backup: dict[str, bytes]) -> None:
        for name, room in self.rooms.items():
            room.doc = Doc(client_id=1)
            if name in backup:
                room.doc.apply_update(backup[name])

    def repeat(self, index: int) -> None:
        """Let a request of earlier arrive once more."""
        if self.applied:
            room, update = self.applied[index % len(self.applied)]
            room.doc.apply_update(update)

    def make_anew(self, name: str) -> None:
        self.rooms[name] = Room()

    def fixes(self) -> list[Fix]:
        """Every fix in every track, doubles included, in the order of their numbers."""
        tracks = [room.doc for name, room in self.rooms.items() if name.startswith("track/")]
        chunks = [chunk for doc in tracks for chunk in doc.get("chunks", type=Array)]
        return sorted((fix for chunk in chunks for fix in decode_chunk(chunk)), key=lambda fix: fix.sequence)

    async def exchange(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = await request.body()
        self.requests.append(name)
        self.bodies.append(len(body))
        if self.lose_requests:
            self.lose_requests -= 1
            return PORTAL
        try:
            self._check(name, request.headers.get("Authorization"), request.headers.get("X-Document-Epoch"))
        except SyncError as error:
            message = {"error": {"code": error.code, "message": str(error)}}
            return JSONResponse(message, error.http_status)
        room = self.room(name)
        reader = Reader(body)
        assert reader.read_byte() == 1
        state_vector, update = reader.read_bytes(), reader.read_bytes()
        assert not reader.remaining
        if update:
            room.doc.apply_update(update)
            self.applied.append((room, update))
        if act := self.meanwhile:
            self.meanwhile = None
            act()
        if self.lose_answers:
            self.lose_answers -= 1
            return PORTAL
        answer = b"\1" + write_bytes(room.doc.get_state()) + write_bytes(room.doc.get_update(state_vector))
        return Response(
            answer, media_type="application/octet-stream", headers={"X-Document-Epoch": room.epoch}
        )

    def _check(self, name: str, authorization: str | None, epoch: str | None) -> None:
        if authorization != f"Bearer {self.key}":
            raise NotAuthenticated()
        if name in self.refusals:
            raise self.refusals[name]
        if epoch not in (None, "none", self.room(name).epoch):
            raise WrongEpoch()

    async def live(self, socket: WebSocket) -> None:
        name = socket.path_params["name"]
        await socket.accept()
        self.sockets_opened += 1
        try:
            self._check(name, socket.headers.get("Authorization"), socket.headers.get("X-Document-Epoch"))
        except SyncError as error:
            await socket.close(error.close_code, error.reason)
            return
        room = self.room(name)
        room.sockets.add(socket)
        try:
            await socket.send_bytes(encode(SyncStep1(room.doc.get_state())))
            while True:
                await self._answer(room, socket, await socket.receive_bytes())
        except WebSocketDisconnect:
            pass
        finally:
            room.sockets.discard(socket)

    async def _answer(self, room: Room, socket: WebSocket, frame: bytes) -> None:
        self.frames.append(frame)
        for message in decode(frame):
            if isinstance(message, SyncStep1):
                await socket.send_bytes(encode(SyncStep2(room.doc.get_update(message.state_vector))))
            elif isinstance(message, SyncStep2 | SyncUpdate):
                room.doc.apply_update(message.update)
                if self.echo:
                    await self.broadcast(room, message.update)

    async def broadcast(self, room: Room, update: bytes) -> None:
        for member in list(room.sockets):
            await member.send_bytes(encode(SyncUpdate(update)))

    async def drop_sockets(self, code: int) -> None:
        for room in self.rooms.values():
            for socket in list(room.sockets):
                await socket.close(code)


@asynccontextmanager
async def sync_server() -> AsyncIterator[SyncServer]:
    """Run the server on a free port of this machine."""
    served = SyncServer()
    app = Starlette(
        routes=[
            Route("/api/documents/{name:path}/sync", served.exchange, methods=["POST"]),
            WebSocketRoute("/sync/{name:path}", served.live),
        ]
    )
    config = uvicorn.Config(app, port=0, log_level="error", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield served
    finally:
        server.should_exit = True
        await served.drop_sockets(1012)
        await ticking
        await server.shutdown()
