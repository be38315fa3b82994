"""The WebSocket way: live in both directions, durable only by what the server shows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Map

from tests.device.sync_server import KEY, SyncServer
from tests.eventually import eventually
from webhost_sync.device import Device
from webhost_sync.device.database import Database
from webhost_sync.device.documents import COMPACT_ABOVE
from webhost_sync.device.update_log import UpdateLog
from webhost_sync.errors import NotAllowed, NotAuthenticated
from webhost_sync.sync.protocol import PermissionDenied, SyncUpdate, decode, encode

NewDevice = Callable[[], Device]


@asynccontextmanager
async def living(device: Device, *names: str) -> AsyncIterator[None]:
    """Keep documents live inside the block."""
    task = asyncio.create_task(device.keep_live(*names))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def fields(device: Device, name: str = "notes") -> Map[Any]:
    found: Map[Any] = device.document(name).get("fields", type=Map)
    return found


def on_server(server: SyncServer, name: str = "notes") -> dict[str, object]:
    return dict(server.room(name).doc.get("fields", type=Map))


async def write_on_server(server: SyncServer, key: str, value: object, *, heard: bool = True) -> None:
    """Change the document as another client would, and tell the members unless a frame is lost."""
    room = server.room("notes")
    before = room.doc.get_state()
    room.doc.get("fields", type=Map)[key] = value
    if heard:
        await server.broadcast(room, room.doc.get_update(before))


async def test_a_change_is_on_the_server_at_once_and_durable_by_its_echo(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        fields(device)["a"] = 1
        await eventually(lambda: on_server(server) == {"a": 1})
        await eventually(lambda: device.status.everything_durable)
    assert server.requests == ["notes"]


async def test_a_deletion_is_durable_by_its_echo_too(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        fields(device)["a"] = 1
        async with living(device, "notes"):
            await eventually(lambda: bool(server.room("notes").sockets))
            del fields(device)["a"]
            await eventually(lambda: on_server(server) == {})
            await eventually(lambda: device.status.everything_durable)


async def test_nothing_is_durable_without_an_echo(server: SyncServer, new_device: NewDevice) -> None:
    server.echo = False
    async with new_device() as device:
        async with living(device, "notes"):
            await eventually(lambda: bool(server.room("notes").sockets))
            fields(device)["a"] = 1
            await eventually(lambda: on_server(server) == {"a": 1})
            assert device.status.pending_updates == {"notes": 1}
        await device.sync()
        assert device.status.everything_durable


async def test_changes_of_others_are_stored_and_not_sent_back(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        await write_on_server(server, "b", 2)
        await eventually(lambda: dict(fields(device)) == {"b": 2})
        fields(device)["a"] = 1
        await eventually(lambda: on_server(server) == {"a": 1, "b": 2})
    sent = [message for frame in server.frames for message in decode(frame)]
    assert len([message for message in sent if isinstance(message, SyncUpdate)]) == 1
    async with new_device() as device:
        assert dict(fields(device)) == {"a": 1, "b": 2}


@pytest.mark.parametrize("code", [1012, 4503, 4508, 1011])
async def test_a_closed_connection_comes_back_and_catches_up(
    server: SyncServer, new_device: NewDevice, code: int
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        await server.drop_sockets(code)
        fields(device)["a"] = 1
        await eventually(lambda: server.sockets_opened >= 2)
        await eventually(lambda: on_server(server) == {"a": 1})
        await eventually(lambda: device.status.everything_durable)


async def test_a_refused_document_ends_alone_with_its_reason(
    server: SyncServer, new_device: NewDevice
) -> None:
    server.refusals = {"secret": NotAllowed()}
    async with new_device() as device, living(device, "secret", "notes"):
        await eventually(lambda: [item.code for item in device.status.rejected] == ["not_allowed"])
        await eventually(lambda: bool(server.room("notes").sockets))
        fields(device)["a"] = 1
        await eventually(lambda: on_server(server) == {"a": 1})


async def test_a_permanent_close_code_is_kept_as_the_reason(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        await server.drop_sockets(4413)
        await eventually(lambda: [item.code for item in device.status.rejected] == ["too_large"])
        assert server.sockets_opened == 1


async def test_a_document_made_anew_while_live_is_loaded_fresh(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        fields(device)["old"] = 1
        await eventually(lambda: device.status.everything_durable)
        members = list(server.room("notes").sockets)
        server.make_anew("notes")
        for socket in members:
            await socket.close(4409)
        await eventually(lambda: bool(server.room("notes").sockets))
        assert dict(fields(device)) == {}
        assert device.status.shelved_copies == 1


async def test_no_line_of_any_log_holds_the_key(
    server: SyncServer, new_device: NewDevice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        fields(device)["a"] = 1
        await eventually(lambda: device.status.everything_durable)
        assert KEY not in repr(device)
    assert "Sending SYNC_STEP1" in caplog.text
    assert KEY not in caplog.text


async def test_a_bad_credential_is_raised(server: SyncServer, new_device: NewDevice) -> None:
    server.key = "another"
    async with new_device() as device:
        with pytest.raises(ExceptionGroup) as raised:
            await device.keep_live("notes")
        assert raised.group_contains(NotAuthenticated)


async def test_passes_go_on_by_themselves(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        task = asyncio.create_task(device.keep_synced())
        server.lose_requests = 2
        fields(device)["a"] = 1
        await eventually(lambda: device.status.everything_durable)
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        await eventually(lambda: [fix.sequence for fix in server.fixes()] == [1])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_long_live_time_leaves_no_long_log(server: SyncServer, tmp_path: Path) -> None:
    device = Device(tmp_path / "device.db", url=server.url, credential=KEY, vehicle_id="truck-7")
    async with device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        for number in range(COMPACT_ABOVE * 2):
            await write_on_server(server, "count", number)
        await eventually(lambda: fields(device).get("count") == COMPACT_ABOVE * 2 - 1)
    with Database(tmp_path / "device.db", time.time) as database:
        assert UpdateLog(database).size("notes") <= COMPACT_ABOVE


async def test_what_builds_on_missing_changes_is_asked_for(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        await write_on_server(server, "unheard", 1, heard=False)
        await write_on_server(server, "heard", 2)
        await eventually(lambda: dict(fields(device)) == {"unheard": 1, "heard": 2})


async def test_a_refusal_on_the_socket_is_settled_over_http(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device, living(device, "notes"):
        await eventually(lambda: bool(server.room("notes").sockets))
        server.refusals = {"notes": NotAllowed("read only")}
        [member] = server.room("notes").sockets
        await member.send_bytes(encode(PermissionDenied("not yours")))
        await eventually(lambda: [item.code for item in device.status.rejected] == ["not_allowed"])
