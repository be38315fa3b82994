"""Who did what: rows of the log by writer, and how much each has made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.contract import NewUpdate, UnknownDocument
from store.history import PostgresHistory
from store.history_contract import Activity, Share
from tests.store.logs import TENANT, execute, open_log
from tests.store.pasts import NOON, Past, open_past


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    async with open_past(database_url) as past:
        yield past


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
