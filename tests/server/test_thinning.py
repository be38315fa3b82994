"""What is left of a history when its rows have become too old: states of hours and days, and named ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text

from store.contract import Document
from store.history import PostgresHistory
from store.history_contract import NewVersion, VersionKind
from tests.server.test_compactor import updates_of
from tests.store.logs import TENANT, OpenLog, execute, open_log
from webhost_sync.errors import HistoryGone
from webhost_sync.history.content import read_values
from webhost_sync.history.retention import Rules
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.history.thinning import Thinner
from webhost_sync.sync.compactor import compact

RULES = Rules(rows=timedelta(days=2), hourly=timedelta(days=5), daily=timedelta(days=30))


async def rules_of(tenant_id: int) -> Rules:
    """The same for every tenant."""
    return RULES


@dataclass
class Aging:
    """A document whose rows are made older by hand."""

    store: OpenLog
    url: str
    record: Document

    @property
    def history(self) -> PostgresHistory:
        return PostgresHistory(self.store.database)

    def states(self) -> States:
        """With an empty cache, as after a restart."""
        return States(self.history, StateCache(0))

    async def append(self, update: bytes, *, age: timedelta = timedelta(0)) -> int:
        seq = (await self.store.append(self.record, update)).last_seq
        at = datetime.now(UTC) - age
        await execute(
            self.url,
            "update document_updates set received_at = $1 where document_id = $2 and seq = $3",
            at,
            self.record.id,
            seq,
        )
        return seq

    async def compact(self) -> int:
        thinner = Thinner(self.history, self.states(), rules_of)
        return await compact(self.store.log, self.record, keep_since=None, prepare=thinner.prepare)

    async def text_at(self, seq: int) -> object:
        record = await self.store.log.open(TENANT, self.record.name, create=False)
        state = await self.states().at(record, seq)
        return read_values(state.update, state.kinds).get("text", "")

    async def versions(self) -> list[tuple[int, VersionKind]]:
        found = await self.history.versions(TENANT, self.record.id, before=None, limit=1000)
        return [(version.seq, version.kind) for version in found]


@asynccontextmanager
async def aging(url: str, name: str = "depot") -> AsyncIterator[Aging]:
    async with open_log(url) as store:
        yield Aging(store, url, await store.document(name))


def text_after(seq: int) -> str:
    return "".join(f"{number} " for number in range(seq))


async def test_old_rows_leave_the_last_state_of_each_hour_behind(database_url: str) -> None:
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=4)
    minutes = (0, 5, 59, 61, 119, 300)
    async with aging(database_url) as log:
        updates = updates_of(9)
        for update, minute in zip(updates, minutes, strict=False):
            await log.append(update, age=datetime.now(UTC) - noon - timedelta(minutes=minute))
        for update in updates[6:8]:
            await log.append(update)
            await log.compact()
        await log.append(updates[8])
        assert await log.versions() == [(seq, VersionKind.AUTOMATIC) for seq in (6, 5, 3)]
        assert (await log.history.span(TENANT, log.record.id)).first_seq == 6
        for seq in (3, 5, 6, 7, 8, 9):
            assert await log.text_at(seq) == text_after(seq)
        for seq in (1, 2, 4):
            with pytest.raises(HistoryGone, match="from seq 6 of"):
                await log.text_at(seq)
        found = await log.history.seq_at(TENANT, log.record.id, noon + timedelta(minutes=60))
        assert found == 3


async def test_hours_become_days_and_named_versions_stay(database_url: str) -> None:
    async with aging(database_url) as log:
        updates = updates_of(8)
        for update, hours in zip(updates[:5], (80, 79, 78, 77, 76), strict=True):
            await log.append(update, age=timedelta(hours=hours))
        state = await log.states().at(await log.store.document(), 2)
        named = NewVersion(2, VersionKind.NAMED, "mine", "ada", datetime.now(UTC), state.update)
        await log.history.add_version(TENANT, log.record.id, named)
        for update in updates[5:7]:
            await log.append(update)
            await log.compact()
        assert [seq for seq, kind in await log.versions() if kind is VersionKind.AUTOMATIC] == [5, 4, 3, 2, 1]
        noon = datetime.now(UTC).replace(hour=12) - timedelta(days=10)
        await execute(
            database_url, "update document_versions set at = $1::timestamptz + seq * interval '1 min'", noon
        )
        await log.append(updates[7])
        await log.compact()
        assert await log.versions() == [(5, VersionKind.AUTOMATIC), (2, VersionKind.NAMED)]
        for seq in (2, 5, 6, 7, 8):
            assert await log.text_at(seq) == text_after(seq)


async def test_without_old_rows_there_is_nothing_to_thin(database_url: str) -> None:
    async with aging(database_url) as log:
        for update in updates_of(4):
            await log.append(update)
            assert await log.compact() == 0
        assert await log.versions() == []
        assert [await log.text_at(seq) for seq in range(5)] == [text_after(seq) for seq in range(5)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 24 * 40), min_size=1, max_size=25), st.data())
async def test_whatever_was_promised_can_be_seen_however_often_it_was_thinned(
    database_url: str, hours: list[int], data: st.DataObject
) -> None:
    """Rows of the last days one by one, then hours, then days; and all that is kept is right."""
    ages = [timedelta(hours=age) for age in sorted(hours, reverse=True)]
    now = datetime.now(UTC)
    async with aging(database_url, f"doc {uuid4()}") as log:
        updates = updates_of(len(ages))
        for update, age in zip(updates, ages, strict=True):
            await log.append(update, age=age)
            if data.draw(st.booleans()):
                await log.compact()
        await log.compact()
        span = await log.history.span(TENANT, log.record.id)
        versions = {seq for seq, _ in await log.versions()}
        for seq, age in enumerate(ages, 1):
            if age < RULES.rows or seq >= span.first_seq or seq in versions:
                assert await log.text_at(seq) == text_after(seq)
            elif age <= RULES.hourly - timedelta(hours=2):
                hour = (now - age).replace(minute=0, second=0, microsecond=0)
                later = [
                    other
                    for other, other_age in enumerate(ages, 1)
                    if other > seq and (now - other_age).replace(minute=0, second=0, microsecond=0) == hour
                ]
                assert later, "the last state of its hour is gone"


def test_the_updates_of_these_tests_are_what_they_are_taken_for() -> None:
    doc: Doc[Text] = Doc()
    for update in updates_of(3):
        doc.apply_update(update)
    assert str(doc.get("text", type=Text)) == text_after(3)
