"""A backup is one moment of a server at work; and what its clients see when an older moment is put back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from store.database import Database
from tests.app import running_app
from tests.backup.conftest import rows_of
from tests.eventually import eventually
from tests.interop.conftest import clients  # noqa: F401 - a fixture
from tests.interop.peers import Clients, Peer
from tests.postgres import create_database, drop_database, select
from tests.server.typists import Typist, typist
from tests.server_process import DOCUMENT_SCOPES, SyncServer
from tests.trace import ROOT
from webhost_sync.backup.making import make_backup
from webhost_sync.backup.restoring import chain_of, restore_into
from webhost_sync.backup.shelf import FolderShelf
from webhost_sync.backup.verifying import verify_chain

CLIENTS, DOCUMENTS = 50, 5
LOG = "select document_id, seq, payload, checksum, actor, received_at from document_updates order by 1, 2"


async def test_a_backup_while_50_clients_write_is_the_log_up_to_its_position(
    database_url: str, empty_url: str, tmp_path: Path
) -> None:
    shelf = FolderShelf(tmp_path)
    async with running_app(database_url) as app, AsyncExitStack() as stack:
        token = app.token(await app.key(await app.tenant()), "read", "write")
        writers = [
            await stack.enter_async_context(
                typist(app, token, f"doc-{number % DOCUMENTS}", client_id=1000 + number, letter="x")
            )
            for number in range(CLIENTS)
        ]
        stopped = asyncio.Event()

        async def type_on(writer: Typist) -> None:
            while not stopped.is_set():
                await writer.type()
                await asyncio.sleep(0.001)  # the others, and the backup, share the loop

        async with asyncio.TaskGroup() as tasks:
            for writer in writers:
                tasks.create_task(type_on(writer))
            await eventually(lambda: committed_at_least(database_url, CLIENTS * 2))
            async with Database(database_url, statement_timeout=0) as database:
                made = await make_backup(database, shelf)
            typed = sum(writer.typed for writer in writers)
            await eventually(lambda: sum(writer.typed for writer in writers) > typed + CLIENTS)
            stopped.set()
        links = await chain_of(shelf, made.name)
        await verify_chain(database_url, shelf, links)
        await restore_into(empty_url, shelf, links, as_it_was=True)
        heads = dict(map(tuple, await select(empty_url, "select id, head_seq from documents")))
        restored, source = await select(empty_url, LOG), await select(database_url, LOG)
    assert restored == [row for row in source if row["seq"] <= heads[row["document_id"]]]
    assert len(source) > len(restored) >= CLIENTS * 2
    assert await _texts(empty_url, heads) == await _texts(database_url, heads)


async def committed_at_least(url: str, rows: int) -> bool:
    return len(await select(url, "select from document_updates")) >= rows


async def _texts(url: str, heads: dict[int, int]) -> dict[int, str]:
    """What each document says at its position."""
    docs: dict[int, Doc[Any]] = {number: Doc() for number in heads}
    for row in await select(url, LOG):
        if row["seq"] <= heads[row["document_id"]]:
            docs[row["document_id"]].apply_update(row["payload"])
    return {number: str(doc.get(ROOT, type=Text)) for number, doc in docs.items()}


async def refused_with(peer: Peer, code: int) -> bool:
    return code in {socket.code for socket in await peer.sockets()}


@pytest.mark.interop
@pytest.mark.faults
async def test_clients_that_were_ahead_bring_back_what_a_restored_server_lost(
    own_server: SyncServer,
    clients: Clients,  # noqa: F811
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """The same epoch: stock y-websocket says what it has, and the server asks for what it lacks."""
    shelf = FolderShelf(tmp_path)
    params = {"token": await own_server.token_for("acme", *DOCUMENT_SCOPES)}
    url = own_server.sync_url
    anna = await clients.open("anna", "3.1.0", url, "notes", params=params)
    ben = await clients.open("ben", "3.1.0", url, "notes", params=params)
    await anna.edit("doc.getMap('m').set('before', 1)")
    await ben.sees("doc.getMap('m').toJSON()", {"before": 1})
    async with Database(own_server.database_url, statement_timeout=0) as database:
        made = await make_backup(database, shelf)
    await anna.edit("doc.getMap('m').set('after', 2)")
    await ben.sees("doc.getMap('m').toJSON()", {"before": 1, "after": 2})

    own_server.kill()
    await asyncio.gather(anna.closes(), ben.closes())
    await ben.leave()
    lost, own_server.database_url = own_server.database_url, await create_database(postgres_url)
    try:
        await restore_into(own_server.database_url, shelf, await chain_of(shelf, made.name))
        assert len((await rows_of(own_server.database_url))["document_updates"]) == 1
        await own_server.start()
        late = await clients.open("late", "3.1.0", url, "notes", params=params)
        await late.sees("doc.getMap('m').toJSON()", {"before": 1, "after": 2})
        own_server.kill()

        # Under a new epoch nobody's replica merges; who says no epoch is refused.
        await restore_into(
            own_server.database_url,
            shelf,
            await chain_of(shelf, made.name),
            overwrite=True,
            new_epochs=True,
        )
        await own_server.start()
        await eventually(lambda: refused_with(anna, 4409), within=90)
        (document,) = await select(own_server.database_url, "select head_seq, epoch from documents")
        assert document["head_seq"] == 1
        fresh = await clients.open(
            "fresh", "3.1.0", url, "notes", params={**params, "epoch": str(document["epoch"])}
        )
        await fresh.sees("doc.getMap('m').toJSON()", {"before": 1})
    finally:
        own_server.kill()
        await drop_database(own_server.database_url)
        own_server.database_url = lost
