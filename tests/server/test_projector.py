"""The projector over a real log: what becomes a row, which one, and that it doesn't matter when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fleet import TODAY, Fleet, Writer, fix, fixes, open_fleet, track_name
from tests.store.logs import ADA

TOMORROW = TODAY + timedelta(days=1)
WRITTEN = [
    f"select tableoid, ctid, xmin::text, * from {table} order by 1, 2"
    for table in ("vehicles", "gps_positions", "latest_positions", "position_conflicts", "projection_rejects")
]
"""Every version of every row, so that one that was written again with the same content shows."""


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


async def sequences(fleet: Fleet) -> list[int]:
    rows = await fleet.execute("select sequence from gps_positions order by sequence")
    return [row[0] for row in rows]


async def latest(fleet: Fleet, vehicle: str = "bus-7") -> int | None:
    rows = await fleet.execute("select sequence from latest_positions where vehicle_id = $1", vehicle)
    return rows[0][0] if rows else None


async def test_chunks_become_positions_with_the_log_row_that_brought_them(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.append(track_name(), device.chunk(*fixes(1, 3)))
    await fleet.project(track_name(), device.chunk(*fixes(4, 2)))
    rows = await fleet.execute(
        "select p.sequence, p.seq, p.document_id, p.received_at = u.received_at from gps_positions p"
        " join document_updates u on u.document_id = p.document_id and u.seq = p.seq order by 1"
    )
    assert [tuple(row) for row in rows] == [
        (sequence, 1 if sequence < 4 else 2, document.id, True) for sequence in range(1, 6)
    ]
    assert await latest(fleet) == 5


async def test_the_checkpoint_says_which_seq_the_rows_are_of(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), device.chunk(fix(1)), device.chunk(fix(2)))
    rows = await fleet.execute("select document_id, seq, epoch from projection_checkpoints")
    assert [tuple(row) for row in rows] == [(document.id, 2, document.epoch)]


async def test_vehicles_follow_their_document(fleet: Fleet) -> None:
    app = Writer(1)
    await fleet.project("tables/vehicles", app.row("a", {"name": "A"}), app.row("b", {"name": "B"}))
    await fleet.project("tables/vehicles", app.field("a", "name", "AA"), app.remove_row("b"))
    rows = await fleet.execute("select id, name from vehicles")
    assert [tuple(row) for row in rows] == [("a", "AA")]


async def test_only_vehicles_that_changed_are_written(fleet: Fleet) -> None:
    app = Writer(1)
    await fleet.project("tables/vehicles", *(app.row(f"v{n}", {"name": "x"}) for n in range(5)))
    before = await fleet.execute("select id, xmin::text from vehicles where id <> 'v3' order by id")
    await fleet.project("tables/vehicles", app.field("v3", "name", "y"))
    assert before == await fleet.execute("select id, xmin::text from vehicles where id <> 'v3' order by id")
    assert await fleet.value("select name from vehicles where id = 'v3'") == "y"


async def test_a_reject_names_the_field_and_goes_when_it_is_mended(fleet: Fleet) -> None:
    app = Writer(1)
    document = await fleet.project("tables/vehicles", app.row("a", {"name": "A", "odometer_m": "far"}))
    [row] = await fleet.execute("select path, reason, value, seq from projection_rejects")
    assert tuple(row) == ("rows/a/odometer_m", "odometer_m is text, not a number", "'far'", 1)
    assert await fleet.value("select name from vehicles") == "A"
    [counted] = await fleet.fleet.reject_counts(1)
    assert (counted.document_id, counted.name, counted.count) == (document.id, "tables/vehicles", 1)
    await fleet.project("tables/vehicles", app.field("a", "odometer_m", 7))
    assert await fleet.fleet.reject_counts(1) == ()


async def test_one_bad_chunk_costs_only_itself(fleet: Fleet) -> None:
    device = Writer(1)
    await fleet.project(track_name(), device.chunk(fix(1)), device.raw_chunk(b"\x09"), device.chunk(fix(2)))
    assert await sequences(fleet) == [1, 2]
    assert await fleet.value("select path from projection_rejects") == "chunks/1"


async def test_a_removed_chunk_takes_its_rows_away(fleet: Fleet) -> None:
    device = Writer(1)
    await fleet.project(track_name(), device.chunk(*fixes(1, 2)), device.chunk(*fixes(3, 2)))
    await fleet.project(track_name(), device.remove_chunk(1))
    assert await sequences(fleet) == [1, 2]
    assert await latest(fleet) == 2


async def test_a_late_batch_changes_flags_but_moves_no_latest_back(fleet: Fleet) -> None:
    device = Writer(1)
    late = fix(2, latitude=50.0)
    await fleet.project(track_name(), device.chunk(fix(1)), device.chunk(fix(3)), device.chunk(fix(4)))
    assert await fleet.value("select flags from gps_positions where sequence = 3") == 0
    await fleet.project(track_name(), device.chunk(late))
    assert await fleet.value("select flags from gps_positions where sequence = 3") == 64
    assert await latest(fleet) == 4


async def test_a_fix_from_the_future_is_kept_but_never_the_latest(fleet: Fleet) -> None:
    device = Writer(1)
    now = datetime.now(UTC)
    near, far = now + timedelta(seconds=200), now + timedelta(seconds=900)
    await fleet.project(track_name(day=now), device.chunk(fix(1, 0, day=now)))
    await fleet.project(track_name(day=now), device.chunk(fix(2, 0, day=near)))
    assert await latest(fleet) == 2
    await fleet.project(track_name(day=now), device.chunk(fix(3, 0, day=far)))
    assert await latest(fleet) == 2
    assert await sequences(fleet) == [1, 2, 3]


async def test_of_two_fixes_at_one_time_the_higher_sequence_is_the_latest(fleet: Fleet) -> None:
    device = Writer(1)
    await fleet.project(track_name(), device.chunk(fix(2, 10)))
    await fleet.project(track_name(), device.chunk(fix(1, 10)))
    assert await latest(fleet) == 2


async def test_a_fix_that_is_no_place_is_not_the_latest(fleet: Fleet) -> None:
    device = Writer(1)
    strays = [fix(2, latitude=0.0, longitude=0.0), fix(3, valid=False), fix(4, latitude=50.0)]
    for point in [fix(1), *strays]:
        await fleet.project(track_name(), device.chunk(point))
    assert await latest(fleet) == 1
    assert await sequences(fleet) == [1, 2, 3, 4]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_fix_in_two_documents_belongs_to_the_first_by_name(
    fleet: Fleet, order: tuple[int, int]
) -> None:
    names = [track_name(), track_name(day=TOMORROW)]
    contents = [[fix(1), fix(2)], [fix(2), fix(3)]]
    for index in order:
        await fleet.project(names[index], Writer(index + 1).chunk(*contents[index]))
    rows = await fleet.execute(
        "select p.sequence, d.name from gps_positions p join documents d on d.id = p.document_id order by 1"
    )
    assert [tuple(row) for row in rows] == [(1, names[0]), (2, names[0]), (3, names[1])]
    assert await fleet.value("select count(*) from position_conflicts") == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_another_content_in_another_document_is_a_conflict_of_that_document(
    fleet: Fleet, order: tuple[int, int]
) -> None:
    names = [track_name(), track_name(day=TOMORROW)]
    for index in order:
        await fleet.project(names[index], Writer(index + 1).chunk(fix(1, 60 + index)))
    [row] = await fleet.execute(
        "select d.name, c.sequence, c.reason from position_conflicts c join documents d on d.id = document_id"
    )
    assert tuple(row) == (names[1], 1, "another document has another content for this sequence")
    assert await sequences(fleet) == [1]


async def test_who_lost_a_fix_gets_it_back_when_the_winner_gives_it_up(fleet: Fleet) -> None:
    winner, loser = Writer(1), Writer(2)
    await fleet.project(track_name(), winner.chunk(fix(1)))
    other = await fleet.project(track_name(day=TOMORROW), loser.chunk(fix(1)))
    await fleet.project(track_name(), winner.remove_chunk(0))
    assert await fleet.value("select document_id from gps_positions") == other.id


async def test_a_deleted_document_takes_its_rows_with_it(fleet: Fleet) -> None:
    document = await fleet.project(track_name(), Writer(1).chunk(fix(1)))
    await fleet.execute("update documents set state = 'deleted' where id = $1", document.id)
    await fleet.projector.catch_up()
    assert await sequences(fleet) == []
    assert await latest(fleet) is None


async def test_a_quarantined_document_keeps_its_rows_and_its_lag_shows(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), device.chunk(fix(1)))
    await fleet.append(track_name(), device.chunk(fix(2)))
    await fleet.store.log.quarantine(1, document.id, reason="damaged", seq=None)
    assert await fleet.projector.catch_up() == 0
    assert await sequences(fleet) == [1]
    status = await fleet.projector.status()
    assert (status.behind, status.quarantined) == (0, 1)
    await fleet.store.lifecycle.release(1, document.id, (), by=ADA)
    await fleet.projector.catch_up()
    assert await sequences(fleet) == [1, 2]


async def test_a_document_made_anew_is_projected_from_scratch(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), device.chunk(fix(1)), device.chunk(fix(2)))
    await fleet.execute("delete from document_updates")
    update = Writer(2).chunk(fix(7))
    await fleet.execute(
        "update documents set epoch = gen_random_uuid(), head_seq = 0, log_rows = 0, log_bytes = 0"
    )
    fleet.documents.clear()
    await fleet.project(track_name(), update)
    assert document.epoch != await fleet.value("select epoch from projection_checkpoints")
    assert await sequences(fleet) == [7]


async def test_a_chunk_that_waited_for_its_cause_has_the_time_at_which_it_came(fleet: Fleet) -> None:
    device = Writer(1)
    first, second = device.chunk(fix(1)), device.chunk(fix(2))
    await fleet.project(track_name(), second)
    assert await sequences(fleet) == []
    await fleet.project(track_name(), first)
    rows = await fleet.execute("select sequence, seq from gps_positions order by 1")
    assert [tuple(row) for row in rows] == [(1, 2), (2, 1)]


async def test_a_chunk_came_with_the_first_row_that_carried_it_even_if_that_was_not_seen(
    fleet: Fleet,
) -> None:
    one, other = Writer(1), Writer(2)
    await fleet.project(track_name(), one.chunk(fix(1)), one.remove_chunk(0))
    await fleet.project(track_name(), other.chunk(fix(1)))
    assert await fleet.value("select seq from gps_positions") == 1


async def test_a_replica_whose_next_rows_were_trimmed_is_loaded_anew(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), device.chunk(fix(1)))
    await fleet.append(track_name(), device.chunk(fix(2)), device.chunk(fix(3)))
    await fleet.store.snapshot(document, 3, device.doc.get_update())
    await fleet.append(track_name(), device.chunk(fix(4)))
    await fleet.execute("delete from document_updates where seq <= 3")
    await fleet.projector.catch_up()
    assert await sequences(fleet) == [1, 2, 3, 4]


async def test_a_large_document_is_projected_like_a_small_one(fleet: Fleet) -> None:
    device = Writer(1)
    large = [fix(sequence, attributes={"note": "x" * 3000}) for sequence in range(60)]
    await fleet.project(track_name(), device.chunk(*large[:30]), device.chunk(*large[30:]))
    assert await fleet.value("select sum(length(attributes ->> 'note')) from gps_positions") == 180_000


async def test_projecting_again_writes_nothing(fleet: Fleet) -> None:
    device, app = Writer(1), Writer(2)
    await fleet.append(track_name(), device.chunk(*fixes(1, 5)), device.raw_chunk(b"x"))
    await fleet.append(track_name(day=TOMORROW), Writer(3).chunk(fix(2, 999)))
    await fleet.project("tables/vehicles", app.row("a", {"archived": 1, "seats": 40}))
    before = [await fleet.execute(query) for query in WRITTEN]
    await fleet.execute("delete from projection_checkpoints")
    assert await fleet.projector.catch_up() == 3
    assert before == [await fleet.execute(query) for query in WRITTEN]
