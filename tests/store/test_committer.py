"""Group commit: dense sequences whoever appends, and an honest answer whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from store.checksum import checksum
from store.contract import (
    Committed,
    Document,
    EpochMismatch,
    NewUpdate,
    NotStorable,
    Quarantined,
    Unavailable,
    UnknownDocument,
)
from tests.eventually import eventually
from tests.store.logs import BLOCKED, TENANT, OpenLog, execute, held, in_flight, open_log
from tests.store.proxy import wire_to


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def test_fifty_appenders_on_two_servers_leave_dense_logs_in_the_order_of_each(
    database_url: str,
) -> None:
    async with open_log(database_url, lanes=2) as one, open_log(database_url, lanes=2) as other:
        documents = [await one.document(f"d{number}", tenant_id=number % 3 + 1) for number in range(10)]

        async def write(writer: int) -> None:
            server = one if writer % 2 else other
            for count in range(20):
                await server.append(documents[(writer + count) % 10], b"%d:%d" % (writer, count))

        async with asyncio.timeout(60):
            await asyncio.gather(*map(write, range(50)))
        for document in documents:
            stored = await one.log.load(document.tenant_id, document.id)
            assert [update.seq for update in stored.updates] == list(range(1, 101))
            times = [update.received_at for update in stored.updates]
            assert times == sorted(times)
            for writer in range(50):
                own = [int(n) for w, n in (u.payload.split(b":") for u in stored.updates) if int(w) == writer]
                assert own == sorted(own)


async def test_a_commit_waits_for_that_of_another_server_to_the_same_document(
    opened: OpenLog, database_url: str
) -> None:
    document = await opened.document()
    async with held(database_url, document) as other:
        append = asyncio.create_task(opened.append(document, b"second"))
        await eventually(lambda: in_flight(database_url))
        await other.execute(
            """insert into document_updates (tenant_id, document_id, seq, payload, checksum, actor)
               values ($1, $2, 1, 'first', $3, 'other')""",
            TENANT,
            document.id,
            checksum(b"first"),
        )
        await other.execute("update documents set head_seq = 1 where id = $1", document.id)
        before = await other.fetchval("select clock_timestamp()")
    committed = await append
    assert committed.first_seq == 2
    assert committed.committed_at > before
    assert await opened.payloads(document) == [b"first", b"second"]


async def test_two_servers_never_wait_for_each_other_in_a_circle(database_url: str) -> None:
    """Both batches stay whole: a deadlock would have sent the appends of one of them alone."""
    async with open_log(database_url) as one, open_log(database_url) as other:
        low, high = [await one.document(name) for name in ("low", "high")]
        async with held(database_url, low):
            batches = [asyncio.create_task(both(one, low, high))]
            await eventually(lambda: in_flight(database_url))
            batches.append(asyncio.create_task(both(other, high, low)))
            await eventually(lambda: in_flight(database_url, sessions=2))
        await asyncio.gather(*batches)
    assert [size for size, _ in await commits(database_url)] == [2, 2]


async def both(opened: OpenLog, first: Document, second: Document) -> None:
    await asyncio.gather(opened.append(first, b"x"), opened.append(second, b"x"))


async def commits(url: str) -> list[tuple[int, int]]:
    """Rows and bytes of every commit to the log."""
    sizes = "select count(*), sum(octet_length(payload)) from document_updates group by xmin::text"
    return [(row[0], row[1]) for row in await execute(url, sizes)]


async def test_what_waits_during_a_commit_is_the_next_commit(opened: OpenLog, database_url: str) -> None:
    documents = [await opened.document(f"d{number}") for number in range(5)]
    async with held(database_url, documents[0]):
        first = asyncio.create_task(opened.append(documents[0], b"first"))
        await eventually(lambda: in_flight(database_url))
        rest = [asyncio.create_task(opened.append(document, b"x")) for document in documents * 20]
        await asyncio.sleep(0)
    await asyncio.gather(first, *rest)
    assert sorted(rows for rows, _ in await commits(database_url)) == [1, 100]


async def test_several_updates_of_one_append_stay_together(opened: OpenLog) -> None:
    document = await opened.document()
    appends = [opened.append(document, b"%d-a" % n, b"%d-b" % n, b"%d-c" % n) for n in range(20)]
    committed = await asyncio.gather(*appends)
    payloads = await opened.payloads(document)
    for number, each in enumerate(committed):
        own = [b"%d-%c" % (number, letter) for letter in b"abc"]
        assert payloads[each.first_seq - 1 : each.last_seq] == own


async def test_a_commit_carries_at_most_a_thousand_rows_or_a_mebibyte(
    opened: OpenLog, database_url: str
) -> None:
    document = await opened.document()
    await asyncio.gather(*(opened.append(document, b"") for _ in range(2500)))
    assert sorted(rows for rows, _ in await commits(database_url)) == [500, 1000, 1000]
    await asyncio.gather(*(opened.append(document, bytes(400_000)) for _ in range(5)))
    sizes = sorted(size for _, size in await commits(database_url) if size)
    assert sizes == [400_000, 800_000, 800_000]


async def test_an_append_above_the_limits_of_a_batch_is_committed_whole(opened: OpenLog) -> None:
    document = await opened.document()
    many, large = await asyncio.gather(
        opened.append(document, *[b"x"] * 2500), opened.append(document, bytes(3 << 20), b"y")
    )
    assert (many.first_seq, many.last_seq, large.first_seq, large.last_seq) == (1, 2500, 2501, 2502)
    assert len(await opened.payloads(document)) == 2502


async def test_a_refused_append_fails_alone(opened: OpenLog) -> None:
    good, quarantined = await opened.document("good"), await opened.document("bad")
    await opened.log.quarantine(TENANT, quarantined.id, reason="test", seq=None)
    nowhere = [NewUpdate(b"x", "ada")]
    results = await asyncio.gather(
        opened.append(good, b"1"),
        opened.append(quarantined, b"x"),
        opened.append(good, b"x", epoch=uuid4()),
        opened.log.append(TENANT, 10**9, nowhere, epoch=good.epoch),
        opened.log.append(TENANT, good.id, [NewUpdate(b"x", "nul\0")], epoch=good.epoch),
        opened.log.append(TENANT, good.id, [NewUpdate(b"x", "a", "", (2**64,))], epoch=good.epoch),
        opened.append(good, b"2"),
        return_exceptions=True,
    )
    kinds = [Committed, Quarantined, EpochMismatch, UnknownDocument, NotStorable, NotStorable, Committed]
    assert [type(result) for result in results] == kinds
    assert await opened.payloads(good) == [b"1", b"2"]


async def test_a_document_that_someone_keeps_locked_holds_up_no_other_for_long(database_url: str) -> None:
    async with open_log(database_url, lock_patience=0.2) as opened:
        locked, free = await opened.document("locked"), await opened.document("free")
        async with held(database_url, locked):
            results = await asyncio.gather(
                opened.append(locked, b"x"), opened.append(free, b"x"), return_exceptions=True
            )
            assert [type(result) for result in results] == [Unavailable, Committed]
            assert "nothing was appended" in str(results[0])
        assert (await opened.append(locked, b"y")).first_seq == 1


async def test_a_caller_who_leaves_does_not_take_the_append_back(opened: OpenLog, database_url: str) -> None:
    document = await opened.document()
    async with held(database_url, document):
        tasks = [asyncio.create_task(opened.append(document, b"%d" % number)) for number in range(3)]
        await eventually(lambda: in_flight(database_url))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (await opened.append(document, b"3")).first_seq == 4
    assert await opened.payloads(document) == [b"0", b"1", b"2", b"3"]


async def test_leaving_commits_what_waits(database_url: str) -> None:
    async with open_log(database_url) as opened:
        document = await opened.document()
        tasks = [asyncio.create_task(opened.append(document, b"%d" % number)) for number in range(50)]
        await asyncio.sleep(0)
    assert [(await task).first_seq for task in tasks] == list(range(1, 51))
    with pytest.raises(Unavailable, match="closed"):
        await opened.append(document, b"late")


async def test_callers_wait_outside_a_full_queue(database_url: str) -> None:
    async with open_log(database_url, max_waiting_bytes=100) as opened:
        document = await opened.document()
        async with held(database_url, document):
            tasks = [asyncio.create_task(opened.append(document, bytes(60))) for _ in range(10)]
            await eventually(lambda: in_flight(database_url))
        assert sorted([(await task).first_seq for task in tasks]) == list(range(1, 11))


async def test_a_broken_connection_fails_what_was_sent_and_keeps_what_was_not(
    opened: OpenLog, database_url: str
) -> None:
    sent_to, waiting_for = await opened.document("sent"), await opened.document("waiting")
    async with held(database_url, sent_to):
        sent = asyncio.create_task(opened.append(sent_to, b"sent"))
        await eventually(lambda: in_flight(database_url))
        waiting = asyncio.create_task(opened.append(waiting_for, b"waiting"))
        await asyncio.sleep(0)
        await execute(database_url, f"select pg_terminate_backend(pid) {BLOCKED}")
        with pytest.raises(Unavailable, match="unknown"):
            await sent
        assert (await waiting).first_seq == 1
    assert await opened.payloads(sent_to) == []
    assert (await opened.append(sent_to, b"again")).first_seq == 1


async def test_an_append_that_was_not_answered_may_have_happened(database_url: str) -> None:
    async with wire_to(database_url) as wire, open_log(wire.url(database_url)) as opened:
        document = await opened.document()
        await opened.append(document, b"before")
        wire.deaf = True
        append = asyncio.create_task(opened.append(document, b"unanswered"))

        async def is_committed() -> bool:
            return len(await execute(database_url, "select from document_updates")) == 2

        await eventually(is_committed)
        assert not append.done()
        wire.deaf = False
        await wire.cut()
        with pytest.raises(Unavailable, match="unknown"):
            await append
        assert (await opened.append(document, b"after")).first_seq == 3


async def test_an_answer_that_never_comes_is_not_waited_for_without_end(database_url: str) -> None:
    async with wire_to(database_url) as wire, open_log(wire.url(database_url), answer_patience=0.5) as opened:
        document = await opened.document()
        async with opened.changes.listen() as heard:
            await opened.append(document, b"before")
            await anext(heard)
        wire.deaf = True
        with pytest.raises(Unavailable, match="unknown"):
            await opened.append(document, b"unanswered")
        wire.deaf = False
        assert (await opened.append(document, b"after")).first_seq == 3


async def test_what_waits_for_a_database_that_is_away_is_sent_when_it_is_back(database_url: str) -> None:
    async with wire_to(database_url) as wire, open_log(wire.url(database_url)) as opened:
        document = await opened.document()
        await opened.append(document, b"before")
        wire.down = True
        await wire.cut()
        appends = [asyncio.create_task(opened.append(document, b"%d" % number)) for number in range(3)]
        await asyncio.sleep(0)
        wire.down = False
        assert [(await append).first_seq for append in appends] == [2, 3, 4]


async def test_a_database_that_stays_away_is_told_to_those_who_wait(database_url: str) -> None:
    async with wire_to(database_url) as wire, open_log(wire.url(database_url), patience=0.2) as opened:
        document = await opened.document()
        wire.down = True
        await wire.cut()
        with pytest.raises(Unavailable, match="nothing was appended"):
            await opened.append(document, b"x")
        wire.down = False
        assert (await opened.append(document, b"y")).first_seq == 1


async def test_leaving_does_not_wait_for_a_database_that_is_away(database_url: str) -> None:
    async with wire_to(database_url) as wire:
        async with open_log(wire.url(database_url)) as opened:
            document = await opened.document()
            wire.down = True
            await wire.cut()
            append = asyncio.create_task(opened.append(document, b"x"))
            await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await append
