"""Documents on a device: changed offline, merged later, never silently different."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pycrdt import Doc, Map

from tests.device.sync_server import SyncServer
from webhost_sync.device import Device
from webhost_sync.device.errors import DocumentRetired, Withheld
from webhost_sync.errors import (
    DocumentQuarantined,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    StoreUnavailable,
    TooLarge,
    TryAgain,
)

NewDevice = Callable[[], Device]


def write(device: Device, name: str, key: str, value: object) -> None:
    device.document(name).get("fields", type=Map)[key] = value


def read(device: Device, name: str) -> dict[str, object]:
    return dict(device.document(name).get("fields", type=Map))


def on_server(server: SyncServer, name: str) -> dict[str, object]:
    return dict(server.room(name).doc.get("fields", type=Map))


def write_on_server(server: SyncServer, name: str, key: str, value: object) -> None:
    server.room(name).doc.get("fields", type=Map)[key] = value


async def test_a_change_is_on_disk_when_the_call_returns(new_device: NewDevice) -> None:
    async with new_device() as device:
        write(device, "notes", "a", "offline")
        assert device.status.pending_updates == {"notes": 1}
    async with new_device() as device:
        assert read(device, "notes") == {"a": "offline"}


async def test_changes_of_both_sides_meet(server: SyncServer, new_device: NewDevice) -> None:
    write_on_server(server, "notes", "b", "theirs")
    async with new_device() as device:
        write(device, "notes", "a", "ours")
        await device.sync()
        assert read(device, "notes") == on_server(server, "notes") == {"a": "ours", "b": "theirs"}
        assert device.status.everything_durable
    server.requests.clear()
    async with new_device() as device:
        assert read(device, "notes") == {"a": "ours", "b": "theirs"}


async def test_a_deletion_is_pending_until_the_server_has_it(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        write(device, "notes", "a", "x")
        await device.sync()
        del device.document("notes").get("fields", type=Map)["a"]
        server.lose_requests = 1
        with pytest.raises(TryAgain):
            await device.sync()
        assert device.status.pending_updates == {"notes": 1}
        await device.sync()
        assert device.status.everything_durable
    assert on_server(server, "notes") == {}


async def test_a_deletion_made_while_a_request_is_under_way_stays_pending(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        write(device, "notes", "a", 1)
        await device.sync()
        write(device, "notes", "b", 2)
        fields = device.document("notes").get("fields", type=Map)
        server.meanwhile = lambda: fields.pop("a", None)
        await device.sync()
        assert on_server(server, "notes") == {"a": 1, "b": 2}
        assert device.status.pending_updates == {"notes": 1}
        await device.sync()
        assert device.status.everything_durable
    assert on_server(server, "notes") == {"b": 2}


async def test_only_what_the_server_lacks_is_sent(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        write(device, "notes", "long", "x" * 50_000)
        await device.sync()
        write(device, "notes", "short", 1)
        await device.sync()
    assert server.bodies[0] > 50_000
    assert server.bodies[1] < 100


async def test_a_pass_with_nothing_new_stores_nothing(new_device: NewDevice) -> None:
    async with new_device() as device:
        write(device, "notes", "a", "x")
        await device.sync()
        before = device.status
        for _ in range(3):
            assert (await device.sync()).exchanged == ["notes"]
        assert device.status == before


async def test_what_builds_on_missing_changes_waits_and_stops_no_upload(
    server: SyncServer, new_device: NewDevice
) -> None:
    updates: list[bytes] = []
    writer: Doc[Map[object]] = Doc(client_id=5)
    writer.observe(lambda event: updates.append(event.update))
    fields = writer.get("fields", type=Map)
    fields["first"] = 1
    fields["second"] = 2
    server.room("notes").doc.apply_update(updates[1])
    async with new_device() as device:
        write(device, "notes", "ours", 3)
        report = await device.sync()
        assert isinstance(report.failed["notes"], Withheld)
        assert device.status.everything_durable
        assert read(device, "notes") == {"ours": 3}
    async with new_device() as device:
        server.room("notes").doc.apply_update(updates[0])
        await device.sync()
        assert read(device, "notes") == {"first": 1, "second": 2, "ours": 3}


async def test_a_server_restored_from_a_backup_gets_back_what_it_lost(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        write(device, "notes", "a", 1)
        await device.sync()
        backup = server.backup()
        write(device, "notes", "b", 2)
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        await device.sync()
        server.restore(backup)
        assert server.fixes() == []
        await device.verify()
        assert device.status.server_rollbacks == 2
        assert device.status.everything_durable
    assert on_server(server, "notes") == {"a": 1, "b": 2}
    assert [fix.sequence for fix in server.fixes()] == [1]


async def test_one_document_that_went_back_makes_the_device_ask_about_all(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        write(device, "notes", "a", 1)
        await device.sync()
        server.restore({})
        server.meanwhile = lambda: setattr(server, "lose_requests", 2)
        with pytest.raises(TryAgain):
            await device.sync()
    async with new_device() as device:
        server.lose_requests = 0
        await device.sync()
        assert device.status.everything_durable
    assert on_server(server, "notes") == {"a": 1}
    assert [fix.sequence for fix in server.fixes()] == [1]


async def test_a_restored_server_also_gets_changes_made_since(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        write(device, "notes", "a", 1)
        await device.sync()
        server.restore({})
        write(device, "notes", "b", 2)
        await device.sync()
        assert device.status.everything_durable
    assert on_server(server, "notes") == {"a": 1, "b": 2}


async def test_a_document_made_anew_is_not_merged_and_the_old_copy_is_kept(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        write(device, "notes", "old", 1)
        await device.sync()
        write(device, "notes", "never sent", 2)
        server.make_anew("notes")
        write_on_server(server, "notes", "new", 3)
        await device.sync()
        assert read(device, "notes") == on_server(server, "notes") == {"new": 3}
        [copy] = device.shelf()
        kept: Doc[Map[object]] = Doc()
        kept.apply_update(copy.state)
        assert dict(kept.get("fields", type=Map)) == {"old": 1, "never sent": 2}
        device.discard_shelved(copy.id)
        assert device.status.shelved_copies == 0


async def test_fixes_of_a_track_made_anew_arrive_unless_the_server_had_them(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        await device.sync()
        await device.record(48.2, 11.5, fix_time_ms=1_790_000_001_000)
        server.lose_requests = 1
        with pytest.raises(TryAgain):
            await device.sync()
        server.make_anew(next(iter(server.rooms)))
        await device.sync()
        assert device.status.everything_durable
    assert [fix.sequence for fix in server.fixes()] == [2]


async def test_a_refused_document_stops_no_other(server: SyncServer, new_device: NewDevice) -> None:
    server.refusals = {"big": TooLarge("9 MB"), "secret": NotAllowed()}
    async with new_device() as device:
        for name in ("big", "notes", "secret"):
            write(device, name, "a", 1)
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        report = await device.sync()
        assert set(report.failed) == {"big", "secret"}
        rejected = {item.document: (item.code, item.message) for item in device.status.rejected}
        assert rejected["big"] == ("too_large", "more bytes than the limit allows: 9 MB")
        assert device.status.pending_updates == {"big": 1, "secret": 1}
        server.requests.clear()
        await device.sync()
        assert server.requests == ["notes"]


async def test_a_refused_document_is_tried_again_when_asked(
    server: SyncServer, new_device: NewDevice
) -> None:
    server.refusals = {"notes": NotAllowed()}
    async with new_device() as device:
        write(device, "notes", "a", 1)
        await device.sync()
        server.refusals.clear()
        device.retry("notes")
        await device.sync()
        assert device.status.rejected == ()
        assert device.status.everything_durable


async def test_fixes_of_a_refused_track_wait_and_later_arrive(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        await device.record(48.1, 11.5, fix_time_ms=1_790_000_000_000)
        name = f"track/truck-7/2026-09-21/{device.device_id}"
        server.refusals = {name: NotAllowed()}
        await device.sync()
        await device.record(48.2, 11.5, fix_time_ms=1_790_000_001_000)
        await device.sync()
        assert device.status.pending_fixes == 2
        server.refusals.clear()
    async with new_device() as device:
        await device.sync()
        assert device.status.everything_durable
    assert [fix.sequence for fix in server.fixes()] == [1, 2]


async def test_a_document_in_trouble_is_passed_over_and_stays_pending(
    server: SyncServer, new_device: NewDevice
) -> None:
    server.refusals = {"sick": DocumentQuarantined()}
    async with new_device() as device:
        write(device, "well", "a", 1)
        write(device, "sick", "a", 1)
        report = await device.sync()
        assert set(report.failed) == {"sick"}
        assert device.status.pending_updates == {"sick": 1}
        assert device.status.rejected == ()
        server.refusals.clear()
        await device.sync()
        assert device.status.everything_durable


async def test_a_database_outage_ends_the_pass(server: SyncServer, new_device: NewDevice) -> None:
    server.refusals = {"b": StoreUnavailable()}
    async with new_device() as device:
        write(device, "a", "a", 1)
        write(device, "b", "a", 1)
        with pytest.raises(StoreUnavailable):
            await device.sync()
        assert server.requests == ["b"]


async def test_a_bad_credential_is_nobodys_rejection(server: SyncServer, new_device: NewDevice) -> None:
    server.key = "another"
    async with new_device() as device:
        write(device, "notes", "a", 1)
        with pytest.raises(NotAuthenticated):
            await device.sync()
        assert device.status.rejected == ()
        assert device.status.last_error == "sign in: send an API key or a token"
        device.use_credential("another")
        await device.sync()
        assert device.status.everything_durable
        assert device.status.last_error is None


async def test_a_document_can_not_be_changed_behind_a_closed_device(new_device: NewDevice) -> None:
    async with new_device() as device:
        doc = device.document("notes")
    with pytest.raises(ExceptionGroup) as raised:
        doc.get("fields", type=Map)["a"] = 1
    assert raised.group_contains(DocumentRetired)


async def test_a_name_that_is_not_allowed_is_refused_at_once(new_device: NewDevice) -> None:
    async with new_device() as device:
        with pytest.raises(InvalidRequest, match=r"\?"):
            device.document("what?")


async def test_a_long_log_becomes_one_update_once_the_server_has_it(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        for number in range(100):
            write(device, "notes", f"key {number}", number)
        await device.sync()
    async with new_device() as device:
        assert read(device, "notes") == on_server(server, "notes")
        assert len(read(device, "notes")) == 100
        assert device.status.everything_durable
        write(device, "notes", "after", "compaction")
        await device.sync()
    assert on_server(server, "notes")["after"] == "compaction"
