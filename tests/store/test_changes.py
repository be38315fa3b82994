"""Who listens hears of commits; who was cut off knows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.changes import PostgresChanges
from store.changes_contract import Change, LatestMoved, LifeChanged, RightsChanged
from store.contract import Unavailable
from store.database import Database
from store.messages import (
    ACCESS_CHANNEL,
    MAX_PAYLOAD_BYTES,
    decode_change,
    decode_latest,
    decode_life,
    decode_rights,
    encode_change,
    encode_latest,
    encode_life,
    encode_rights,
)
from store.roles import Role
from tests.eventually import eventually
from tests.store.logs import ADA, OpenLog, execute, open_log
from tests.store.proxy import wire_to

KEY = UUID(int=7)
integers = st.integers(0, 2**63 - 1)
names = st.text(st.characters(codec="utf-8"), max_size=255)
changes = st.builds(Change, integers, integers, names, integers, integers)


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


def change(document_id: int, last_seq: int) -> Change:
    return Change(1, document_id, f"d{document_id}", 1, last_seq)


@given(changes)
def test_a_change_survives_the_channel(change: Change) -> None:
    payload = encode_change(change)
    assert decode_change(payload) == change
    assert len(payload.encode()) <= MAX_PAYLOAD_BYTES


def test_a_name_that_does_not_fit_is_left_out() -> None:
    payload = encode_change(Change(1, 2, "\0" * 2000, 3, 4))
    assert decode_change(payload) == Change(1, 2, "", 3, 4)


def test_changed_rights_survive_the_channel() -> None:
    assert decode_rights(encode_rights(RightsChanged(3, KEY))) == RightsChanged(3, KEY)


@given(st.builds(LatestMoved, integers, integers))
def test_moved_latest_positions_survive_the_channel(moved: LatestMoved) -> None:
    assert decode_latest(encode_latest(moved)) == moved


@given(st.builds(LifeChanged, integers, integers, names))
def test_a_changed_life_survives_the_channel(changed: LifeChanged) -> None:
    payload = encode_life(changed)
    assert decode_life(payload) == changed
    assert len(payload.encode()) <= MAX_PAYLOAD_BYTES


@pytest.mark.parametrize("payload", ["", "{}", "[1,2]", "[1,2,3]", '["1",2,"d"]', '[1,2,"d",4]'])
def test_what_another_version_says_of_lives_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):
        decode_life(payload)


async def test_every_listener_hears_of_a_life_with_its_commit(opened: OpenLog) -> None:
    document = await opened.document()
    async with opened.changes.listen_lives() as lives:
        await opened.lifecycle.delete(1, "depot", by=ADA, retention=timedelta(1))
        assert await anext(lives) == LifeChanged(1, document.id, "depot")


@pytest.mark.parametrize("payload", ["", "{}", "[1]", "[1,2,3]", '["1",2]', "[1,null]"])
def test_what_another_version_says_of_latest_positions_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):
        decode_latest(payload)


@pytest.mark.parametrize("payload", ["", "{}", "[1,2]", "[1,2,3,4,5]", '["1",2,3,4,"d"]', '[1,"no uuid"]'])
def test_what_another_version_says_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):
        decode_change(payload)
    with pytest.raises(ValueError):
        decode_rights(payload)


async def test_other_processes_hear_of_a_commit_after_it(opened: OpenLog, database_url: str) -> None:
    async with open_log(database_url) as other, other.changes.listen() as heard:
        document = await opened.document("depot/ä")
        await opened.append(document, b"1", b"2")
        assert await anext(heard) == Change(1, document.id, "depot/ä", 1, 2)
        stored = await other.log.load(1, document.id)
        assert stored.document.head_seq == 2


async def test_every_commit_is_covered_by_what_is_heard(opened: OpenLog) -> None:
    documents = [await opened.document(f"d{number}") for number in range(3)]
    async with opened.changes.listen() as heard:
        await asyncio.gather(*(opened.append(document, b"x") for document in documents * 50))
        seen: dict[int, int] = {}
        while seen != {document.id: 50 for document in documents}:
            said = await anext(heard)
            assert said.first_seq <= seen.get(said.document_id, 0) + 1
            seen[said.document_id] = max(said.last_seq, seen.get(said.document_id, 0))


async def test_changed_rights_are_heard_apart_from_changes(opened: OpenLog, database_url: str) -> None:
    async with opened.changes.listen() as commits, opened.changes.listen_rights() as rights:
        opened.changes.announce([change(1, 5)])
        message = encode_rights(RightsChanged(2, KEY))
        await execute(database_url, "select pg_notify($1, $2)", ACCESS_CHANNEL, message)
        assert await anext(rights) == RightsChanged(2, KEY)
        assert await anext(commits) == change(1, 5)


async def test_two_waiting_changes_of_a_document_become_one(opened: OpenLog) -> None:
    async with opened.changes.listen() as heard:
        opened.changes.announce([Change(1, 7, "d", 4, 5), Change(1, 8, "e", 1, 1)])
        opened.changes.announce([Change(1, 7, "d", 6, 9)])
        assert {await anext(heard), await anext(heard)} == {
            Change(1, 7, "d", 4, 9),
            Change(1, 8, "e", 1, 1),
        }


async def test_moves_of_a_tenant_that_wait_become_the_last_one(opened: OpenLog) -> None:
    async with opened.changes.listen_latest() as heard, opened.changes.listen() as commits:
        for moved in (LatestMoved(1, 4), LatestMoved(2, 7), LatestMoved(1, 6), LatestMoved(1, 5)):
            opened.changes.announce_latest(moved)
        opened.changes.announce([change(1, 1)])
        assert {await anext(heard), await anext(heard)} == {LatestMoved(2, 7), LatestMoved(1, 6)}
        assert await anext(commits) == change(1, 1)


async def test_leaving_sends_what_waits(opened: OpenLog, database_url: str) -> None:
    async with opened.changes.listen() as heard:
        async with open_log(database_url) as leaving:
            leaving.changes.announce([change(1, 1)])
        assert await anext(heard) == change(1, 1)


async def test_a_listener_too_far_behind_is_told_so(database_url: str) -> None:
    async with (
        Database(database_url) as database,
        PostgresChanges(partial(database.raw_connection, Role.APP), max_unread=2) as changes,
        changes.listen() as heard,
    ):
        changes.announce([change(number, 1) for number in range(1, 6)])  # in one NOTIFY, so all at once
        assert [await anext(heard), await anext(heard)] == [change(1, 1), change(2, 1)]
        with pytest.raises(Unavailable, match="too far behind"):
            await anext(heard)


async def test_a_listener_whose_connection_breaks_is_told_so(opened: OpenLog, database_url: str) -> None:
    async with opened.changes.listen() as heard:
        await execute(
            database_url,
            "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'",
        )
        with pytest.raises(Unavailable, match="broken"):
            await anext(heard)


async def test_announcing_goes_on_after_a_broken_connection(database_url: str) -> None:
    async with (
        open_log(database_url) as listening,
        listening.changes.listen() as heard,
        wire_to(database_url) as wire,
        open_log(wire.url(database_url)) as opened,
    ):
        opened.changes.announce([change(1, 1)])
        assert await anext(heard) == change(1, 1)
        await wire.cut()
        seen: list[Change] = []

        async def listen() -> None:
            async for said in heard:
                seen.append(said)

        task = asyncio.create_task(listen())

        def heard_again() -> bool:
            opened.changes.announce([change(2, 2)])
            return change(2, 2) in seen

        await eventually(heard_again)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_garbled_notification_is_passed_over(opened: OpenLog, database_url: str) -> None:
    async with opened.changes.listen() as heard:
        await execute(database_url, "select pg_notify('webhost_log', 'garbled')")
        opened.changes.announce([change(1, 1)])
        assert await anext(heard) == change(1, 1)


async def test_listening_to_a_database_that_is_away_fails(database_url: str) -> None:
    async with wire_to(database_url) as wire:
        wire.down = True
        async with open_log(wire.url(database_url)) as opened:
            with pytest.raises(Unavailable):
                async with opened.changes.listen():
                    pass
