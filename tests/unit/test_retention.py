"""What stays of a history as it grows old: every row, then an hour's last state, then a day's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from store.history_contract import Moment, Version, VersionKind
from webhost_sync.history.retention import Rules, plan

RULES = Rules(rows=timedelta(days=1), hourly=timedelta(days=3), daily=timedelta(days=10))
NOW = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)


def version(seq: int, age: timedelta, kind: VersionKind = VersionKind.AUTOMATIC) -> Version:
    return Version(UUID(int=seq), seq, kind, "", "", NOW - age, 1, NOW - age)


def moment(seq: int, age: timedelta) -> Moment:
    return Moment(seq, NOW - age)


def test_rows_go_by_whole_hours() -> None:
    assert RULES.rows_since(NOW) == datetime(2026, 5, 19, 9, tzinfo=UTC)


def test_the_last_state_of_each_hour_becomes_a_version_and_later_that_of_each_day() -> None:
    hours = [
        moment(5, timedelta(days=2, hours=1)),
        moment(9, timedelta(days=2)),
        moment(12, timedelta(days=1, hours=1)),
    ]
    assert plan(hours, [], RULES, NOW).make == tuple(hours)
    old = [
        version(5, timedelta(days=5, hours=2)),
        version(9, timedelta(days=5)),
        version(12, timedelta(days=1)),
    ]
    assert plan([], old, RULES, NOW).forget == (old[0].id,)
    assert plan([], [version(3, timedelta(days=11)), *old[1:]], RULES, NOW).forget == (UUID(int=3),)


def test_the_newest_state_stays_whatever_its_age() -> None:
    old = [version(3, timedelta(days=300)), version(5, timedelta(days=200))]
    assert plan([], old, RULES, NOW).forget == (old[0].id,)
    assert plan([moment(9, timedelta(days=100))], old, RULES, NOW).make == (moment(9, timedelta(days=100)),)


def test_what_somebody_named_stays_and_a_safety_version_as_long_as_the_days() -> None:
    named = version(1, timedelta(days=999), VersionKind.NAMED)
    young, old = (version(seq, timedelta(days=days), VersionKind.SAFETY) for seq, days in ((2, 9), (3, 11)))
    assert plan([], [named, young, old], RULES, NOW).forget == (old.id,)


def test_a_later_row_of_the_same_hour_takes_the_version_s_place() -> None:
    earlier = version(4, timedelta(days=2, minutes=9))
    due = plan([moment(6, timedelta(days=2, minutes=8))], [earlier], RULES, NOW)
    assert (due.make, due.forget) == ((moment(6, timedelta(days=2, minutes=8)),), (earlier.id,))


ages = st.lists(st.integers(25, 24 * 14), unique=True, max_size=30).map(
    lambda given: sorted(given, reverse=True)
)


@given(ages, st.integers(0, 40))
def test_planning_again_changes_nothing_and_no_hour_or_day_is_lost(hours: list[int], later: int) -> None:
    moments = [moment(seq, timedelta(hours=age)) for seq, age in enumerate(hours, 1)]
    made = [version(each.seq, NOW - each.at) for each in plan(moments, [], RULES, NOW).make]
    assert plan(moments, made, RULES, NOW).make == plan(moments, made, RULES, NOW).forget == ()
    at = NOW + timedelta(hours=later)
    due = plan([], made, RULES, at)
    kept = [each for each in made if each.id not in due.forget]
    assert plan([], kept, RULES, at).forget == ()
    for each in moments:
        age = at - each.at
        if age <= RULES.daily:
            same = [k for k in kept if k.seq >= each.seq and k.at.date() == each.at.date()]
            assert same
            assert age > RULES.hourly or any(k.seq == each.seq for k in same)
    assert bool(kept) == bool(moments)
