"""The past of documents: what makes a state, what was done by whom, and versions that outlive the log."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.contract import CorruptDocument, Document, NewUpdate, UnknownDocument
from store.history import PostgresHistory
from store.history_contract import (
    Activity,
    Forgotten,
    NewVersion,
    Share,
    UnknownVersion,
    Version,
    VersionKind,
)
from store.pages import PAGE_BYTES
from store.snapshots import CHECKPOINT_BYTES, CHECKPOINT_ROWS
from tests.store.logs import TENANT, OpenLog, execute, open_log

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Past:
    """A log and its history; the state of a seq is the payloads up to it, one after another."""

    opened: OpenLog
    history: PostgresHistory
    url: str

    async def five_updates(self) -> Document:
        document = await self.opened.document()
        await self.opened.append(document, b"1", b"2", b"3", b"4", b"5")
        await execute(
            self.url,
            "update document_updates set received_at = $1::timestamptz + seq * '1 min'::interval",
            NOON,
        )
        return await self.opened.document()

    async def trimmed_up_to_two(self) -> Document:
        """Five updates with snapshots at 2 and 4, of which rows 3 to 5 are left."""
        document = await self.five_updates()
        for seq in (2, 4):
            await self.opened.snapshot(document, seq, b"12345"[:seq])
        assert await self.opened.trim(document) == 2
        return await self.opened.document()

    async def version(
        self, document: Document, seq: int, kind: VersionKind = VersionKind.NAMED, **changed: object
    ) -> Version:
        values = {
            "name": f"v{seq}",
            "actor": "ada",
            "at": NOON + timedelta(minutes=seq),
            "state": b"12345"[:seq],
        }
        new = NewVersion(seq, kind, **{**values, **changed})  # type: ignore[arg-type]
        return await self.history.add_version(TENANT, document.id, new)

    async def state(self, document: Document, seq: int, have: bytes | None = None) -> bytes:
        held = None if have is None else len(have)
        material = await self.history.material(TENANT, document.id, seq=seq, have=held)
        base = have if have is not None and material.state is None and material.after_seq == held else None
        assert len(material.state or base or b"") == material.after_seq
        return (material.state or base or b"") + b"".join(update.payload for update in material.updates)


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    async with open_log(database_url) as opened:
        yield Past(opened, PostgresHistory(opened.database), database_url)


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


async def test_a_version_outlives_its_rows_and_stands_for_its_own_seq(past: Past) -> None:
    document = await past.five_updates()
    await past.version(document, 1)
    for seq in (2, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    await past.opened.trim(document)
    assert await past.state(document, 1) == b"1"
    assert await past.state(document, 2) == b"12"
    with pytest.raises(Forgotten):
        await past.state(document, 0)


async def test_nothing_is_built_on_an_inexact_version_and_it_is_not_used_while_there_are_rows(
    past: Past,
) -> None:
    document = await past.five_updates()
    await past.version(document, 1, state=b"?", is_exact=False)
    assert await past.state(document, 1) == b"1"
    assert await past.state(document, 2) == b"12"
    for seq in (2, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    await past.opened.trim(document)
    assert (await past.history.material(TENANT, document.id, seq=1)).state == b"?"


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


async def test_versions_are_listed_newest_first_page_by_page(past: Past) -> None:
    document = await past.five_updates()
    made = [await past.version(document, seq, name=f"v{number}") for number, seq in enumerate((1, 3, 3, 5))]
    listed: list[Version] = []
    while page := await past.history.versions(
        TENANT,
        document.id,
        before=(listed[-1].seq, listed[-1].created_at, listed[-1].id) if listed else None,
        limit=1,
    ):
        listed += page
    assert [version.seq for version in listed] == [5, 3, 3, 1]
    assert {version.id for version in listed} == {version.id for version in made}
    assert listed[0] == await past.history.version(TENANT, document.id, made[3].id)
    assert listed[0].size == 5
    await past.history.remove_versions(TENANT, document.id, [made[3].id])
    with pytest.raises(UnknownVersion):
        await past.history.version(TENANT, document.id, made[3].id)


async def test_an_automatic_version_is_made_once_however_many_make_it(past: Past) -> None:
    document = await past.five_updates()
    made = await asyncio.gather(
        *(past.version(document, 3, VersionKind.AUTOMATIC, name="") for _ in range(5))
    )
    assert len({version.id for version in made}) == 1


async def test_a_version_of_what_never_was_is_refused(past: Past) -> None:
    document = await past.five_updates()
    with pytest.raises(ValueError, match="no state 6"):
        await past.version(document, 6)
    with pytest.raises(UnknownDocument):
        await past.history.add_version(
            TENANT + 1, document.id, NewVersion(1, VersionKind.NAMED, "", "", NOON, b"1")
        )


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


async def test_old_snapshots_stay_as_far_apart_as_a_replay_may_be_long(past: Past) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"x"] * (3 * CHECKPOINT_ROWS))
    half = CHECKPOINT_ROWS // 2
    for seq in range(half, 3 * CHECKPOINT_ROWS + 1, half):
        await past.opened.snapshot(document, seq, b"x" * seq)
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    kept = [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)]
    assert kept == [6 * half, 5 * half, 4 * half, 2 * half]
    for seq in range(0, 3 * CHECKPOINT_ROWS, 777):
        material = await past.history.material(TENANT, document.id, seq=seq)
        assert len(material.updates) <= CHECKPOINT_ROWS
        assert len(material.state or b"") == material.after_seq


async def test_old_snapshots_stay_as_far_apart_as_a_replay_may_have_bytes(past: Past) -> None:
    document = await past.opened.document()
    quarter = b"x" * (CHECKPOINT_BYTES // 4)
    for seq in range(1, 15):
        await past.opened.append(document, quarter)
        await past.opened.snapshot(document, seq, b"x")
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    kept = [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)]
    assert kept == [14, 13, 12, 8, 4]


async def test_old_snapshots_take_no_more_room_than_the_log(past: Past) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"x" * (CHECKPOINT_BYTES // 2)] * 6)
    for seq in range(1, 7):
        await past.opened.snapshot(document, seq, b"x" * (CHECKPOINT_BYTES + 1))
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    assert [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)] == [6, 5, 3]


async def test_what_is_replayed_at_once_is_bounded_in_bytes(past: Past) -> None:
    document = await past.opened.document()
    half = PAGE_BYTES // 2
    await past.opened.append(document, b"1" * half, b"2" * (half - 1), b"3" * half, b"4", b"5")
    pages, have = [], None
    while have != 5:
        material = await past.history.material(TENANT, document.id, seq=5, have=have)
        have = material.updates[-1].seq
        pages.append([update.seq for update in material.updates])
    assert pages == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize(("size", "seqs"), [(1, [1]), (3, [1]), (4, [1, 2]), (10, [1, 2, 3, 4])])
async def test_a_page_of_the_log_ends_with_the_row_that_reaches_its_size(
    past: Past, size: int, seqs: list[int]
) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"xyz"] * 5)
    found = await past.opened.log.read(TENANT, document.id, after_seq=0, size=size)
    assert [row.seq for row in found] == seqs
    assert await past.opened.log.read(TENANT, document.id, after_seq=5, size=size) == ()


async def test_updates_of_activities_are_bounded_in_bytes_together(past: Past) -> None:
    document = await past.five_updates()
    found = await past.history.activities(TENANT, document.id, up_to=5, before=None, limit=9)
    ask = partial(past.history.payloads, TENANT, document.id, [found[0], found[0]], limit=9)
    every = (b"1", b"2", b"3", b"4", b"5")
    assert await ask(size=11) == (every, every)
    assert await ask(size=7) == (every, every[:2])
    assert await ask(size=5) == (every, ())


async def test_nothing_above_a_limit_is_trimmed(past: Past) -> None:
    document = await past.five_updates()
    for seq in (3, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    assert await past.opened.log.trim(TENANT, document.id, keep_since=None, up_to=1) == 1
    assert await past.state(document, 3) == b"123"


async def test_what_can_be_thinned_is_the_last_row_of_each_hour_that_two_snapshots_cover(past: Past) -> None:
    document = await past.five_updates()
    await execute(
        past.url, "update document_updates set received_at = $1 where seq > 3", NOON + timedelta(hours=1)
    )
    later = NOON + timedelta(days=1)
    assert (await past.history.thinnable(TENANT, document.id, older_than=later)).hours == ()
    for seq in (4, 5):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    found = await past.history.thinnable(TENANT, document.id, older_than=later)
    assert (found.up_to, [hour.seq for hour in found.hours]) == (4, [3, 4])
    found = await past.history.thinnable(TENANT, document.id, older_than=NOON + timedelta(hours=1))
    assert (found.up_to, [hour.seq for hour in found.hours]) == (3, [3])


writers = st.sampled_from([("ada", ""), ("ada", "tablet"), ("bob", "")])
pauses = st.sampled_from([0, 1, 59, 60, 61, 200])


@given(st.lists(st.tuples(writers, pauses), min_size=1, max_size=40), st.integers(1, 5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_activities_are_a_writers_rows_without_a_long_pause_cut_every_ten_minutes(
    database_url: str, rows: list[tuple[tuple[str, str], int]], page: int
) -> None:
    async with open_log(database_url) as opened:
        document = await opened.document(f"document {uuid4()}")
        times, now = [], NOON
        for (actor, device), pause in rows:
            now += timedelta(seconds=pause)
            times.append(now)
            await opened.log.append(
                TENANT, document.id, [NewUpdate(b"xyz", actor, device)], epoch=document.epoch
            )
        await execute(
            database_url,
            "update document_updates u set received_at = t.at"
            " from unnest($2::timestamptz[]) with ordinality as t (at, seq)"
            " where u.document_id = $1 and u.seq = t.seq",
            document.id,
            times,
        )
        history = PostgresHistory(opened.database)
        found: list[Activity] = []
        while more := await history.activities(
            TENANT, document.id, up_to=len(rows), before=found[-1].last_seq if found else None, limit=page
        ):
            found += more
        assert found == expected_activities([writer for writer, _ in rows], times)
        for activity, payloads in zip(
            found, await history.payloads(TENANT, document.id, found, limit=3, size=1000), strict=True
        ):
            assert payloads == (b"xyz",) * min(3, activity.updates)


def expected_activities(who: list[tuple[str, str]], times: list[datetime]) -> list[Activity]:
    chains: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for seq, (writer, time) in enumerate(zip(who, times, strict=True), 1):
        own = chains[writer]
        if own and time - times[own[-1][-1] - 1] <= timedelta(seconds=60):
            own[-1].append(seq)
        else:
            own.append([seq])
    activities = []
    for (actor, device), own in chains.items():
        for chain in own:
            parts: dict[int, list[int]] = defaultdict(list)
            for seq in chain:
                parts[(times[seq - 1] - times[chain[0] - 1]) // timedelta(minutes=10)].append(seq)
            activities += [
                Activity(
                    actor,
                    device,
                    seqs[0],
                    seqs[-1],
                    times[seqs[0] - 1],
                    times[seqs[-1] - 1],
                    len(seqs),
                    3 * len(seqs),
                )
                for seqs in parts.values()
            ]
    return sorted(activities, key=lambda activity: -activity.last_seq)


async def test_each_part_of_the_log_says_how_much_of_it_each_writer_made(past: Past) -> None:
    document = await past.opened.document()
    writers = [("ada", ""), ("ada", ""), ("bob", "phone"), ("bob", "phone"), ("ada", "")]
    for actor, device in writers:
        update = NewUpdate(b"x", actor, device)
        await past.opened.log.append(TENANT, document.id, [update], epoch=document.epoch)
    await execute(
        past.url,
        "update document_updates set received_at = $1::timestamptz + seq * '1 min'::interval",
        NOON,
    )

    def share(actor: str, device: str, part: int, updates: int, minutes: int) -> Share:
        return Share(actor, device, part, updates, NOON + timedelta(minutes=minutes))

    found = await past.history.shares(TENANT, document.id, first=2, last=5, parts=2)
    assert set(found) == {share("ada", "", 0, 1, 2), share("bob", "phone", 0, 1, 3),
                          share("bob", "phone", 1, 1, 4), share("ada", "", 1, 1, 5)}  # fmt: skip
    with pytest.raises(UnknownDocument):
        await past.history.shares(TENANT + 1, document.id, first=1, last=5, parts=2)
