"""The past of documents: what makes a state, which one a time means, and what is not kept any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from store.contract import CorruptDocument, UnknownDocument
from store.history_contract import Forgotten
from tests.store.logs import TENANT, execute
from tests.store.pasts import NOON, Past, open_past


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    async with open_past(database_url) as past:
        yield past


async def test_every_state_is_made_of_the_newest_state_before_it_and_the_rows_between(past: Past) -> None:
    document = await past.five_updates()
    await past.opened.snapshot(document, 2, b"12")
    await past.version(document, 3)
    for seq in range(6):
        assert await past.state(document, seq) == b"12345"[:seq]
    material = await past.history.material(TENANT, document.id, seq=5)
    assert (material.state, [update.seq for update in material.updates]) == (b"123", [4, 5])
    assert await past.history.material(TENANT, document.id, seq=5, have=4) == type(material)(
        None, 4, material.updates[1:]
    )
    assert (await past.history.material(TENANT, document.id, seq=2, have=2)).updates == ()
    assert (await past.history.material(TENANT, document.id, seq=5, have=1)).state == b"123"
    with pytest.raises(ValueError, match="the states 0 to 5"):
        await past.history.material(TENANT, document.id, seq=6)


async def test_damaged_states_are_passed_over(past: Past) -> None:
    document = await past.five_updates()
    await past.opened.snapshot(document, 2, b"12")
    await past.version(document, 3)
    await execute(past.url, "update document_versions set state = 'rotten'")
    assert (await past.history.material(TENANT, document.id, seq=5)).state == b"12"
    await execute(past.url, "update document_snapshots set state = 'rotten'")
    assert await past.state(document, 5) == b"12345"
    await execute(past.url, "update document_updates set payload = 'rotten' where seq = 2")
    with pytest.raises(CorruptDocument):
        await past.state(document, 5)


async def test_what_is_not_kept_is_refused_with_what_is(past: Past) -> None:
    document = await past.trimmed_up_to_two()
    assert await past.state(document, 2) == b"12"
    assert await past.state(document, 3) == b"123"
    for seq in (0, 1):
        with pytest.raises(Forgotten) as raised:
            await past.state(document, seq)
        assert (raised.value.span.first_seq, raised.value.span.head_seq) == (2, 5)
    assert await past.history.span(TENANT, document.id) == raised.value.span


async def test_a_time_is_found_among_rows_and_versions(past: Past) -> None:
    document = await past.five_updates()
    history = past.history

    async def at(minutes: float) -> int:
        return await history.seq_at(TENANT, document.id, NOON + timedelta(minutes=minutes))

    assert [await at(minutes) for minutes in (-9, 0.9, 1, 3.5, 5, 99)] == [0, 0, 1, 3, 5, 5]
    await past.version(document, 1)
    for seq in (2, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    await past.opened.trim(document)
    assert [await at(minutes) for minutes in (1, 2.5, 3, 99)] == [1, 1, 3, 5]
    with pytest.raises(Forgotten):
        await at(0.5)


async def test_the_moment_of_a_state_is_known_as_well_as_it_can_be(past: Past) -> None:
    document = await past.trimmed_up_to_two()
    await past.version(document, 1)
    moments = [(await past.history.moment(TENANT, document.id, seq)).at for seq in (0, 1, 3)]
    assert moments == [document.created_at, NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)]


async def test_another_tenant_sees_no_past(past: Past) -> None:
    document = await past.five_updates()
    version = await past.version(document, 1)
    other = TENANT + 1
    asked = (
        past.history.span(other, document.id),
        past.history.material(other, document.id, seq=1),
        past.history.activities(other, document.id, up_to=5, before=None, limit=9),
        past.history.versions(other, document.id, before=None, limit=9),
        past.history.version(other, document.id, version.id),
        past.history.seq_at(other, document.id, NOON),
    )
    for question in asked:
        with pytest.raises(UnknownDocument):
            await question
