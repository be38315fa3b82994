"""Plain pycrdt-websocket servers keep their rooms in our log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from pycrdt import Channel, Doc, Provider, Text
from pycrdt.store import YDocNotFound
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom
from websockets.asyncio.client import ClientConnection, connect

from store.contract import CorruptDocument, EpochMismatch
from store.ystore import PostgresYStore
from tests.eventually import eventually
from tests.store.logs import TENANT, OpenLog, execute, open_log

NAME = "/notes"


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


def ystore(opened: OpenLog, *, metadata: bytes = b"", name: str = NAME) -> PostgresYStore:
    return PostgresYStore(name, lambda: metadata, update_log=opened.log, tenant_id=TENANT)


def edit(text: str) -> bytes:
    """The update of a writer who types this into a new document."""
    document: Doc[Text] = Doc()
    document.get("text", type=Text).insert(0, text)
    return document.get_update()


class Socket(Channel):
    """A connected WebSocket as pycrdt's provider wants it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def path(self) -> str:
        return NAME

    async def send(self, message: bytes) -> None:
        await self._connection.send(message)

    async def recv(self) -> bytes:
        message = await self._connection.recv()
        assert isinstance(message, bytes)
        return message


@asynccontextmanager
async def running_server(opened: OpenLog) -> AsyncIterator[str]:
    """A stock pycrdt-websocket server whose room is kept by our store. Gives its URL."""
    rooms = WebsocketServer(auto_clean_rooms=False)
    room = YRoom(ready=False, ystore=ystore(opened))
    assert room.ystore is not None
    try:
        await room.ystore.apply_updates(room.ydoc)
    except YDocNotFound:
        assert await opened.log.documents(TENANT) == ()
    room.ready = True
    rooms.rooms[NAME] = room
    config = uvicorn.Config(ASGIServer(rooms), port=0, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    async with rooms:
        serving = asyncio.create_task(server.serve())
        await eventually(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"ws://{host}:{port}{NAME}"
        server.should_exit = True
        await serving


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Text]:
    """The text of a client that is connected and has synced."""
    document: Doc[Text] = Doc()
    text = document.get("text", type=Text)
    async with connect(url) as connection:
        provider = Provider(document, Socket(connection))
        task = asyncio.create_task(provider.start())
        await asyncio.wait_for(provider.synced.wait(), 10)
        yield text
        await provider.stop()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_clients_of_a_stock_server_find_their_text_after_a_restart(opened: OpenLog) -> None:
    async with running_server(opened) as url, client(url) as ada, client(url) as bob:
        ada.insert(0, "hello ")
        await eventually(lambda: str(bob) == "hello ")
        bob.insert(6, "world")
        await eventually(lambda: str(ada) == "hello world")

        async def both_are_stored() -> bool:
            return (await opened.document(NAME)).head_seq == 2

        await eventually(both_are_stored)
    async with running_server(opened) as url, client(url) as late:
        assert str(late) == "hello world"


async def test_what_is_written_is_read_with_its_metadata_and_time(opened: OpenLog) -> None:
    metadata = b'{"user": "ada"}\x00\xff%'
    await ystore(opened, metadata=metadata).write(b"one")
    await ystore(opened).write(b"two")
    found = [each async for each in ystore(opened).read()]
    assert [(update, metadata) for update, metadata, _ in found] == [(b"one", metadata), (b"two", b"")]
    committed = (await opened.document(NAME)).updated_at.timestamp()
    assert found[0][2] <= found[1][2] == committed


async def test_an_update_is_on_disk_when_write_returns(opened: OpenLog, database_url: str) -> None:
    await ystore(opened).write(b"one")
    assert len(await execute(database_url, "select from document_updates")) == 1


async def test_a_document_is_filled_from_snapshot_and_tail(opened: OpenLog) -> None:
    store = ystore(opened)
    await store.write(edit("one"))
    await opened.snapshot(await opened.document(NAME), 1, edit("snapshot"))
    await store.write(edit("two"))
    filled: Doc[Text] = Doc()
    await ystore(opened).apply_updates(filled)
    assert str(filled.get("text", type=Text)) in ("snapshottwo", "twosnapshot")


async def test_what_was_never_written_is_not_found(opened: OpenLog) -> None:
    with pytest.raises(YDocNotFound):
        await ystore(opened).apply_updates(Doc())
    await opened.document(NAME)
    with pytest.raises(YDocNotFound):
        await ystore(opened).apply_updates(Doc())


async def test_a_damaged_document_is_not_read_in_part(opened: OpenLog, database_url: str) -> None:
    store = ystore(opened)
    for text in ("one", "two", "three"):
        await store.write(edit(text))
    await execute(database_url, "update document_updates set payload = 'rotten' where seq = 2")
    filled: Doc[Text] = Doc()
    with pytest.raises(CorruptDocument):
        await store.apply_updates(filled)
    assert str(filled.get("text", type=Text)) == ""


async def test_a_room_does_not_write_to_a_document_that_was_made_anew(
    opened: OpenLog, database_url: str
) -> None:
    wrote, read = ystore(opened), ystore(opened)
    await wrote.write(edit("old"))
    await read.apply_updates(Doc())
    await execute(database_url, "update documents set epoch = gen_random_uuid()")
    for store in (wrote, read):
        with pytest.raises(EpochMismatch):
            await store.write(edit("old too"))


async def test_a_store_is_entered_and_left_as_pycrdt_store_wants(opened: OpenLog) -> None:
    async with ystore(opened) as store:
        await store.encode_state_as_update(Doc())
    assert (await opened.document(NAME)).head_seq == 1
