"""Counts deliveries and sums up times. Time is an argument, in seconds; knows no socket."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Of how many deliveries, and their median, 99th percentile and maximum in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of values in ascending order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarise(seconds: Sequence[float]) -> Latency:
    """Raises: ValueError when nothing was delivered."""
    if not seconds:
        raise ValueError("nothing was delivered")
    ordered = sorted(seconds)
    return Latency(
        len(ordered),
        percentile(ordered, 0.5) * 1000,
        percentile(ordered, 0.99) * 1000,
        ordered[-1] * 1000,
    )


class Deliveries:
    """Who has which update of one writer. Numbers start at 0 and rise by one.

    Invariants: 1. A reader that has number n has all before it. 2. `delivered` is how many updates
    every reader has; it never falls.
    """

    def __init__(self, readers: int) -> None:
        self._newest = [-1] * readers
        self._at = Counter({-1: readers})
        self._sent: list[float] = []
        self.delivered = 0
        self.latencies: list[float] = []

    @property
    def sent(self) -> int:
        return len(self._sent)

    def note_sent(self, now: float) -> None:
        """The next update leaves the writer."""
        self._sent.append(now)

    def note_seen(self, reader: int, newest: int, now: float) -> None:
        """The reader has every update up to `newest`, which it may have had before."""
        before = self._newest[reader]
        if newest <= before:
            return
        self.latencies.extend(now - sent for sent in self._sent[before + 1 : newest + 1])
        self._newest[reader] = newest
        self._at[before] -= 1
        self._at[newest] += 1
        while not self._at[self.delivered - 1]:
            del self._at[self.delivered - 1]
            self.delivered += 1
