"""The real `y-websocket` providers against a running server: what they write arrives, comes back after
everybody has left, and survives being offline on both sides."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.conftest import OpenPeer
from tests.interop.peers import BigInt
from tests.interop.samples import SAMPLES, Sample

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
async def test_what_one_client_writes_the_others_read(open_peer: OpenPeer, sample: Sample) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await asyncio.gather(anna.is_synced(), ben.is_synced())

    await anna.edit(sample.write)
    await ben.sees(sample.read, sample.value)

    late = await open_peer("late joiner")
    await late.sees(sample.read, sample.value)


async def test_values_survive_a_burst_of_updates_that_the_server_may_merge(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await asyncio.gather(anna.is_synced(), ben.is_synced())
    await asyncio.gather(*(anna.edit(f"doc.getMap('ids').set('{n}', {n}n)") for n in range(50)))
    await ben.sees("doc.getMap('ids').toJSON()", {str(n): BigInt(n) for n in range(50)})


async def test_a_document_is_still_there_after_everybody_has_left(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    for sample in SAMPLES:
        await anna.edit(sample.write)
    for sample in SAMPLES:
        await ben.sees(sample.read, sample.value)
    await asyncio.gather(anna.leave(), ben.leave())

    late = await open_peer("late joiner")
    for sample in SAMPLES:
        await late.sees(sample.read, sample.value)


async def test_offline_edits_of_both_sides_meet(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await anna.edit("doc.getText('t').insert(0, 'middle')")
    await ben.sees("doc.getText('t').toString()", "middle")
    await asyncio.gather(anna.disconnect(), ben.disconnect())

    await anna.edit("doc.getText('t').insert(0, 'start '); doc.getMap('m').set('anna', 1)")
    await ben.edit("doc.getText('t').insert(6, ' end'); doc.getMap('m').set('ben', 2)")
    await asyncio.gather(anna.connect(), ben.connect())

    for peer in (anna, ben, await open_peer("late joiner")):
        await peer.sees("doc.getText('t').toString()", "start middle end")
        await peer.sees("doc.getMap('m').toJSON()", {"anna": 1, "ben": 2})


async def test_an_edit_made_before_the_first_connection_arrives(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    await anna.disconnect()
    await anna.edit("doc.getMap('m').set('made', 'offline')")
    await anna.connect()

    ben = await open_peer("ben")
    await ben.sees("doc.getMap('m').toJSON()", {"made": "offline"})


async def test_concurrent_edits_leave_every_client_with_the_same_text(open_peer: OpenPeer) -> None:
    peers = [await open_peer(name) for name in ("anna", "ben", "carl")]
    await asyncio.gather(*(peer.is_synced() for peer in peers))
    typing = "for (let i = 0; i < 50; i++) doc.getText('t').insert(i % (doc.getText('t').length + 1), '{}')"
    await asyncio.gather(*(peer.edit(typing.format(peer.name[0])) for peer in peers))

    await peers[0].sees("doc.getText('t').length", 150)
    text = await peers[0].read("doc.getText('t').toString()")
    for peer in peers[1:]:
        await peer.sees("doc.getText('t').toString()", text)


async def test_an_update_of_a_megabyte_passes_whole(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    ben = await open_peer("ben")
    await asyncio.gather(anna.is_synced(), ben.is_synced())
    await anna.edit("doc.getMap('m').set('big', new Uint8Array(2 ** 20).map((_, i) => i * 7919 >> 3))")

    checksum = "(doc.getMap('m').get('big') ?? []).reduce((sum, byte) => (sum * 31 + byte) % 1000000007, 7)"
    expected = await anna.read(checksum)
    await ben.sees(checksum, expected)
    late = await open_peer("late joiner")
    await late.sees(checksum, expected)


@pytest.mark.parametrize(
    "document", ["grün 🚚", "tables/vehicles", "track/LKW%207/2026-11-01/gerät", "日本/トラック"]
)
async def test_names_with_slashes_and_beyond_ascii_are_documents_of_their_own(
    open_peer: OpenPeer, document: str
) -> None:
    anna = await open_peer("anna", document=document)
    await anna.edit("doc.getMap('m').set('from', 'anna')")
    ben = await open_peer("ben", document=document)
    await ben.sees("doc.getMap('m').toJSON()", {"from": "anna"})


async def test_every_frame_holds_one_message(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    await anna.is_synced()
    ben = await open_peer("ben")
    await ben.is_synced()
    await anna.edit("awareness.setLocalState({name: 'anna'})")
    for count in range(20):
        await anna.edit(f"doc.getArray('a').push([{count}])")
    await ben.sees("doc.getArray('a').length", 20)
    late = await open_peer("late joiner")
    await late.sees("doc.getArray('a').length", 20)

    frames = [frame for peer in (anna, ben, late) for frame in await peer.frames()]
    assert frames
    assert [frame for frame in frames if frame["rest"]] == []


async def test_the_server_says_what_it_has_and_asks_for_what_it_lacks(open_peer: OpenPeer) -> None:
    anna = await open_peer("anna")
    await anna.receives(type="sync", kind="step-1")
    await anna.receives(type="sync", kind="step-2")
