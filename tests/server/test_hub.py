"""Rooms over a real log: loading once, durable before visible, slow readers, other processes, unloading."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from pycrdt import Doc, Map

from tests.eventually import eventually
from tests.server.rooms import Guest, open_rooms
from tests.unit.test_document import NONSENSE
from webhost_sync.errors import DocumentQuarantined, Draining, MalformedUpdate, NotAllowed
from webhost_sync.sync.effects import CatchUp, Exchange
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    PermissionDenied,
    SyncStep1,
)
from webhost_sync.sync.relay import poll


def update(key: str, value: object = 1, *, client_id: int = 5) -> bytes:
    """A map entry by a writer of its own: it depends on nothing."""
    doc: Doc[Map[object]] = Doc(client_id=client_id)
    doc.get("rows", type=Map)[key] = value
    return doc.get_update()


async def sees(guest: Guest, rows: dict[str, object]) -> None:
    await eventually(lambda: guest.seen() == {"rows": rows})


async def test_fifty_who_come_at_once_share_one_room_and_one_load(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, asyncio.TaskGroup() as tasks:
        runners = set()

        async def come() -> None:
            async with rooms.guest() as guest:
                runners.add(guest.runner)
                await eventually(lambda: any(isinstance(m, SyncStep1) for m in guest.messages()))

        for _ in range(50):
            tasks.create_task(come())
        await eventually(lambda: len(runners) == 1)


async def test_an_update_reaches_everybody_and_its_writer(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer, rooms.guest() as reader:
        await writer.send(update("a"))
        await sees(reader, {"a": 1})
        await sees(writer, {"a": 1})


async def test_an_update_is_stored_before_anyone_sees_it(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer, rooms.guest() as reader:
        blocker = await asyncpg.connect(database_url)
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("lock table document_updates in exclusive mode")
        await writer.send(update("a"))
        await reader.ask()
        waiting = "select count(*) from pg_locks where not granted"
        await eventually(lambda: _counts(blocker, waiting))
        assert reader.seen() == writer.seen() == {}
        await transaction.rollback()
        await blocker.close()
        await sees(reader, {"a": 1})


async def _counts(connection: asyncpg.Connection[asyncpg.Record], query: str) -> bool:
    return bool(await connection.fetchval(query))


async def test_a_reader_sees_updates_but_cannot_make_any(database_url: str) -> None:
    async with (
        open_rooms(database_url) as rooms,
        rooms.guest() as writer,
        rooms.guest(can_write=False) as reader,
    ):
        await reader.send(update("forbidden"))
        await writer.send(update("a"))
        await sees(reader, {"a": 1})
        await eventually(lambda: any(isinstance(m, PermissionDenied) for m in reader.messages()))
        document = await rooms.store.document()
        assert document.head_seq == 1


async def test_a_slow_reader_is_skipped_and_then_caught_up_by_one_diff(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer, rooms.guest() as slow:
        await writer.send(update("a", client_id=1))
        await sees(slow, {"a": 1})
        slow.transport.blocked = 10_000
        written = len(slow.transport.frames)
        for number in range(2, 30):
            await writer.send(update(f"k{number}", client_id=number))
        await eventually(lambda: len(writer.seen().get("rows", {})) == 29)  # type: ignore[arg-type]
        assert len(slow.transport.frames) == written
        assert slow.outbox.is_behind
        slow.transport.blocked = 0
        await slow.runner.submit(slow.member, CatchUp(slow.outbox.resume()))
        await eventually(lambda: slow.seen() == writer.seen())
        assert len(slow.transport.frames) == written + 1


async def test_one_round_trip_stores_and_answers(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer:
        await writer.send(update("a", client_id=1))
        answer = await writer.runner.exchange(writer.member, Exchange(b"\x00", update("b", client_id=2)))
        writer.replica.apply(answer.update)
        assert writer.replica.values() == {"rows": {"a": 1, "b": 1}}
        stored = await rooms.store.payloads(await rooms.store.document())
        assert stored
        assert not any(writer.replica.brings_news(payload) for payload in stored)


async def test_a_refused_round_trip_raises(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest(can_write=False) as reader:
        with pytest.raises(NotAllowed):
            await reader.runner.exchange(reader.member, Exchange(b"\x00", update("a")))


async def test_processes_learn_of_each_other_through_the_log(database_url: str) -> None:
    async with (
        open_rooms(database_url) as here,
        open_rooms(database_url) as there,
        here.guest() as one,
        there.guest() as other,
    ):
        await one.send(update("a", client_id=1))
        await sees(one, {"a": 1})
        await other.send(update("b", client_id=2))
        await sees(other, {"a": 1, "b": 1})
        one.runner.check_log()
        await sees(one, {"a": 1, "b": 1})


async def test_nonsense_costs_its_sender_the_connection_and_nobody_else_anything(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer, rooms.guest() as vandal:
        await writer.send(update("a", client_id=1))
        await sees(writer, {"a": 1})
        await writer.send(update("b", client_id=2))
        await vandal.send(NONSENSE)
        await writer.send(update("c", client_id=3))
        await sees(writer, {"a": 1, "b": 1, "c": 1})
        assert isinstance(await vandal.outbox.closing(), MalformedUpdate)
        assert (await rooms.store.document()).head_seq <= 3


async def test_a_commit_that_nobody_was_told_of_is_found_by_looking(database_url: str) -> None:
    async with (
        open_rooms(database_url) as here,
        open_rooms(database_url) as there,
        here.guest() as one,
        there.guest() as other,
    ):
        await one.send(update("a"))
        await sees(one, {"a": 1})
        looking = asyncio.create_task(poll(there.hub, 0.01))
        await sees(other, {"a": 1})
        looking.cancel()


async def test_presence_reaches_everybody_and_goes_with_its_connection(database_url: str) -> None:
    entry = AwarenessEntry(7, 1, '{"name":"Zoë"}')
    async with open_rooms(database_url) as rooms, rooms.guest() as watcher:
        async with rooms.guest() as shown:
            await shown.runner.submit(shown.member, AwarenessUpdate((entry,)))
            await eventually(lambda: AwarenessUpdate((entry,)) in watcher.messages())
            await eventually(lambda: AwarenessUpdate((entry,)) in shown.messages())
        await eventually(
            lambda: any(isinstance(m, AwarenessUpdate) and m.entries[0].is_leave for m in watcher.messages())
        )


async def test_presence_that_is_not_renewed_goes_while_its_connection_stays(database_url: str) -> None:
    entry = AwarenessEntry(7, 1, "{}")
    async with open_rooms(database_url, presence_timeout=0.1) as rooms, rooms.guest() as silent:
        await silent.runner.submit(silent.member, AwarenessUpdate((entry,)))
        await eventually(
            lambda: any(isinstance(m, AwarenessUpdate) and m.entries[0].is_leave for m in silent.messages())
        )


async def test_an_empty_room_is_unloaded_and_loads_again(database_url: str) -> None:
    async with open_rooms(database_url, room_idle_timeout=0.0) as rooms:
        async with rooms.guest() as guest:
            await guest.send(update("a"))
            await sees(guest, {"a": 1})
        await eventually(lambda: rooms.hub.status().rooms == 0)
        async with rooms.guest() as guest:
            await guest.ask()
            await sees(guest, {"a": 1})


async def test_nobody_comes_in_while_draining(database_url: str) -> None:
    async with open_rooms(database_url) as rooms:
        rooms.hub.start_draining()
        with pytest.raises(Draining):
            async with rooms.guest():
                pass


async def test_a_damaged_document_is_shown_but_takes_no_writes(database_url: str) -> None:
    async with open_rooms(database_url, room_idle_timeout=0.0) as rooms:
        async with rooms.guest() as guest:
            await guest.send(update("a", client_id=1))
            await sees(guest, {"a": 1})
            await guest.send(update("b", client_id=2))
            await sees(guest, {"a": 1, "b": 1})
        await eventually(lambda: rooms.hub.status().rooms == 0)
        connection = await asyncpg.connect(database_url)
        await connection.execute("update document_updates set payload = 'x' where seq = 2")
        await connection.close()
        async with rooms.guest() as guest:
            await guest.ask()
            await sees(guest, {"a": 1})
            with pytest.raises(DocumentQuarantined):
                await guest.runner.exchange(guest.member, Exchange(b"\x00", update("c", client_id=3)))


async def test_an_append_without_an_answer_is_not_doubled(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as writer:
        await writer.send(update("a", client_id=1))
        await sees(writer, {"a": 1})
        other = await asyncpg.connect(database_url)
        killed = (
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where pid <> pg_backend_pid() and datname = current_database()"
        )
        for number in range(2, 12):
            await writer.send(update(f"k{number}", client_id=number))
            await other.execute(killed)
        await other.close()
        await eventually(lambda: len(writer.seen()["rows"]) == 11)  # type: ignore[arg-type]
        document = await rooms.store.document()
        payloads = await rooms.store.payloads(document)
        assert len(payloads) == len(set(payloads))


async def test_nothing_is_written_to_a_connection_that_closes(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as guest:
        guest.outbox.close(Draining())
        guest.outbox.close(NotAllowed())
        written = len(guest.transport.frames)
        await guest.send(update("a"))
        await guest.runner.settled()
        assert len(guest.transport.frames) == written
        assert isinstance(await guest.outbox.closing(), Draining)
