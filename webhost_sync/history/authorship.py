"""Which row of the log brought what: the first in which a client's clocks came.

Ranges of clocks come in with the rows' sequences, in the order of the log; the seq of any clock goes
out. What was there before the first row that is kept has seq 0. Pure.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable

from webhost_sync.history.items import Id

BEFORE = 0
Run = tuple[int, int, int]
"""First clock, clock after the last, seq."""


class Authorship:
    """The rows of one document's log. Invariant: a clock belongs to the first row that brought it."""

    def __init__(self) -> None:
        self._runs: dict[int, list[Run]] = {}

    def note(self, seq: int, structs: Iterable[tuple[int, int, int]]) -> None:
        """A row brought these ranges: client, first clock, clock after the last."""
        for client, first, end in structs:
            runs = self._runs.setdefault(client, [])
            if not runs or runs[-1][1] <= first:
                runs.append((first, end, seq))
            else:
                for start, stop in _uncovered(runs, first, end):
                    insort(runs, (start, stop, seq))

    def seq_of(self, at: Id) -> int:
        runs = self._runs.get(at[0], [])
        place = bisect_right(runs, at[1], key=lambda run: run[0]) - 1
        return runs[place][2] if place >= 0 and at[1] < runs[place][1] else BEFORE

    def stretches(self, client: int, first: int, end: int) -> list[Run]:
        """The range cut where another row brought what follows."""
        runs = self._runs.get(client, [])
        place = max(bisect_right(runs, first, key=lambda run: run[0]) - 1, 0)
        found: list[Run] = []
        at = first
        for start, stop, seq in runs[place:]:
            if start >= end:
                break
            if start > at:
                found.append((at, start, BEFORE))
                at = start
            if stop > at:
                found.append((at, min(stop, end), seq))
                at = min(stop, end)
        if at < end:
            found.append((at, end, BEFORE))
        return found


def _uncovered(runs: list[Run], first: int, end: int) -> list[tuple[int, int]]:
    """What no run covers of a range."""
    place = max(bisect_right(runs, first, key=lambda run: run[0]) - 1, 0)
    found = []
    at = first
    for start, stop, _ in runs[place:]:
        if start >= end:
            break
        if start > at:
            found.append((at, start))
        at = max(at, stop)
    if at < end:
        found.append((at, end))
    return found
