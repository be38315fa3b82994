"""Which of the device's updates a server has shown to have, when it says so by echoing content.

Updates of the device, and state vectors and updates from the server, come in; the ids of confirmed
updates go out. Pure. Counting echoes would not do: the server merges what arrives together into one
frame, and an echo from before a reconnect is lost. So content is compared: each update is a set of
ranges, inserted (client, clocks) and deleted (client, clocks), and what the server shows is taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webhost_sync.sync.update import read_update


@dataclass(frozen=True, slots=True)
class Range:
    """The clocks from `start` up to, not including, `end` of one client: inserted, or deleted."""

    deleted: bool
    client: int
    start: int
    end: int

    def without(self, other: Range) -> Iterable[Range]:
        """What is left of this range."""
        if self.deleted != other.deleted or self.client != other.client:
            yield self
            return
        if self.start < min(self.end, other.start):
            yield Range(self.deleted, self.client, self.start, min(self.end, other.start))
        if max(self.start, other.end) < self.end:
            yield Range(self.deleted, self.client, max(self.start, other.end), self.end)


def content_of(update: bytes) -> frozenset[Range]:
    """The ranges that an update inserts and deletes. Raises MalformedUpdate."""
    summary = read_update(update)
    return frozenset(
        [Range(False, client, start, end) for client, start, end in summary.structs]
        + [Range(True, client, clock, clock + length) for client, clock, length in summary.deletes]
    )


class Unconfirmed:
    """The content of the device's updates that the server has not shown yet.

    Invariants:
    1. An id is returned once, when the last of its content has been shown.
    2. Content that was never added takes no room: what others write passes through.
    """

    def __init__(self) -> None:
        self._left: dict[int, frozenset[Range]] = {}

    def add(self, update_id: int, update: bytes) -> None:
        """Wait for the server to show this update."""
        self._left[update_id] = content_of(update)

    def holds_any(self, update: bytes) -> bool:
        """Tell whether an update has something that the server has not shown."""
        content = content_of(update)
        return any(
            list(left.without(part)) != [left]
            for ranges in self._left.values()
            for left in ranges
            for part in content
        )

    def confirm_state_vector(self, clocks: Mapping[int, int]) -> list[int]:
        """Take away the insertions before the clocks; a state vector says nothing about deletions."""
        return self._take_away(Range(False, client, 0, clock) for client, clock in clocks.items())

    def confirm_update(self, update: bytes) -> list[int]:
        """Take away what an update from the server holds."""
        return self._take_away(content_of(update))

    def _take_away(self, shown: Iterable[Range]) -> list[int]:
        for part in shown:
            for update_id, ranges in self._left.items():
                self._left[update_id] = frozenset(rest for left in ranges for rest in left.without(part))
        confirmed = [update_id for update_id, ranges in self._left.items() if not ranges]
        for update_id in confirmed:
            del self._left[update_id]
        return confirmed
