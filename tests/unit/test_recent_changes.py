"""What readers of any pace find among the recent changes of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from store.latest_feed import FEED_START, FeedPoint
from webhost_sync.fleet.recent_changes import RecentChanges, ShownChange

EPOCH, OTHER = UUID(int=1), UUID(int=2)
LIMIT = 5
vehicles = st.sampled_from("abcdefgh")


@dataclass
class Reader:
    """`at` is the version up to which it has everything; `seen` is what it knows then."""

    at: int
    seen: dict[str, bytes] = field(default_factory=dict)


class Readers(RuleBasedStateMachine):
    """Readers of one feed, against the whole truth."""

    def __init__(self) -> None:
        super().__init__()
        self.recent = RecentChanges(FEED_START, LIMIT)
        self.truth: dict[str, bytes] = {}
        self.version = 0
        self.readers = [Reader(0)]

    @rule(moved=st.dictionaries(vehicles, st.binary(max_size=2) | st.none()))
    def move(self, moved: dict[str, bytes | None]) -> None:
        changes = []
        for vehicle, position in moved.items():
            self.version += 1
            changes.append(ShownChange(self.version, vehicle, position))
            if position is None:
                self.truth.pop(vehicle, None)
            else:
                self.truth[vehicle] = position
        self.recent.add(changes, FeedPoint(EPOCH if self.version else None, self.version))

    @rule()
    def come(self) -> None:
        self.readers.append(Reader(self.version, dict(self.truth)))

    @rule(number=st.integers(0, 99), limit=st.integers(1, 3))
    def read(self, number: int, limit: int) -> None:
        reader = self.readers[number % len(self.readers)]
        if reader.at < self.recent.floor:  # it reads the database
            reader.at, reader.seen = self.version, dict(self.truth)
            return
        changes, has_more = self.recent.after(reader.at, limit)
        assert len(changes) <= limit
        assert [change.version for change in changes] == sorted({change.version for change in changes})
        for change in changes:
            assert change.version > reader.at
            reader.seen.pop(change.vehicle_id, None)
            if change.position is not None:
                reader.seen[change.vehicle_id] = change.position
        reader.at = changes[-1].version if has_more else self.version
        if not has_more:
            assert reader.seen == self.truth

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.recent) <= LIMIT


TestReaders = Readers.TestCase


def test_it_begins_at_a_point_and_knows_nothing_of_before() -> None:
    recent = RecentChanges(FeedPoint(EPOCH, 7), LIMIT)
    assert recent.reaches_back_to(FeedPoint(EPOCH, 7))
    assert not recent.reaches_back_to(FeedPoint(EPOCH, 6))
    assert not recent.reaches_back_to(FeedPoint(EPOCH, 8))
    assert not recent.reaches_back_to(FeedPoint(OTHER, 7))
    assert not recent.reaches_back_to(FEED_START)


def test_a_feed_goes_on_in_its_own_epoch_only_and_never_back() -> None:
    recent = RecentChanges(FeedPoint(EPOCH, 7), LIMIT)
    assert recent.continues_to(FeedPoint(EPOCH, 7))
    assert not recent.continues_to(FeedPoint(EPOCH, 6))
    assert not recent.continues_to(FeedPoint(OTHER, 9))
    assert not recent.continues_to(FEED_START)
    assert RecentChanges(FEED_START, LIMIT).continues_to(FeedPoint(OTHER, 9))


def test_who_was_there_before_the_first_change_misses_none() -> None:
    recent = RecentChanges(FEED_START, LIMIT)
    recent.add([ShownChange(1, "a", b"1")], FeedPoint(EPOCH, 1))
    assert recent.reaches_back_to(FEED_START)
