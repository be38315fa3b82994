"""The newest changes of one tenant's latest positions, kept once for all who follow them.

In: pages of the feed (`store.latest_feed`), already as text. Out: to each reader what came after the
version that it has. A reader is a number here: one that is slow costs nothing, and finds each vehicle
once, with its newest change, when it comes back. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from store.latest_feed import FEED_START, FeedPoint


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A vehicle's newest change: its position as JSON, or None where it has none any more."""

    version: int
    vehicle_id: str
    position: bytes | None


class RecentChanges:
    """Invariants:
    1. Of each vehicle that changed after version `floor` it holds the newest change up to `point`.
    2. It holds at most `limit` changes; `floor` rises where that is too few.
    """

    def __init__(self, point: FeedPoint, limit: int) -> None:
        """Begin after this point of the feed."""
        self.point = point
        self.floor = point.version
        self._limit = limit
        self._changes: dict[str, ShownChange] = {}  # by version

    def __len__(self) -> int:
        return len(self._changes)

    def continues_to(self, head: FeedPoint) -> bool:
        """Whether the feed can have come from `point` to this head. It can't where it was numbered anew, or
        an earlier state of the database was put back."""
        return self.point.epoch in (None, head.epoch) and head.version >= self.point.version

    def reaches_back_to(self, point: FeedPoint) -> bool:
        """Whether everything after this point of the feed is here."""
        is_same = point.epoch == self.point.epoch or point == FEED_START
        return is_same and self.floor <= point.version <= self.point.version

    def add(self, changes: Iterable[ShownChange], head: FeedPoint) -> None:
        """Take in every change between `point` and a head to which it continues, by version."""
        for change in changes:
            self._changes.pop(change.vehicle_id, None)
            self._changes[change.vehicle_id] = change
        while len(self._changes) > self._limit:
            self.floor = self._changes.pop(next(iter(self._changes))).version
        self.point = head

    def after(self, version: int, limit: int) -> tuple[list[ShownChange], bool]:
        """The first changes after a version not below `floor`, oldest first, and whether there are more."""
        newest_first = list(
            takewhile(lambda change: change.version > version, reversed(self._changes.values()))
        )
        return newest_first[: -limit - 1 : -1], len(newest_first) > limit
