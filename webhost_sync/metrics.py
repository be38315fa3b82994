"""What the process did: in the last quarter of an hour, in steps of five seconds, and since it started.

    ring     one bucket a step, `LENGTH` of them; an old one is reused when its place comes again
    bucket   how many, how many failed, how much came with them, how long it took (sum, longest, and a
             histogram in powers of two, from which quantiles are read)

    totals   counters and histograms that only rise, for Prometheus (`telemetry.exposition` words them)

In: notes of requests, commits and refusals. Out: buckets, oldest first, and totals. The server's requests
are counted for the process, recent commits for each tenant; totals name no tenant and no document, and have
a bounded number of labels. Pure: the clock (monotonic seconds) is an argument.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

STEP = 5.0
"""Seconds of one bucket."""
LENGTH = 180
"""Buckets of a ring: fifteen minutes."""
MAX_TENANTS = 200
"""Rings that are kept; of tenants beyond it the one that committed longest ago is forgotten."""
SMALLEST = 0.0001
BINS = 22
"""The first bin ends at 0.1 ms, each next one at twice that: the last begins at 105 s."""
DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histograms of seconds; 0.5 is the dashboard's threshold."""
BATCH_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
MAX_SERIES = 2000
"""Of one counter; what would be one more is counted as `other`."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


@dataclass(slots=True)
class Bucket:
    """What happened in one step."""

    count: int = 0
    failed: int = 0
    amount: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    bins: list[int] = field(default_factory=lambda: [0] * BINS)

    def note(self, seconds: float, *, failed: bool = False, amount: int = 1) -> None:
        self.count += 1
        self.failed += failed
        self.amount += amount
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self.bins[_bin(seconds)] += 1


class Ring:
    """Invariants: 1. Nothing older than `LENGTH` steps is given out. 2. A step without notes is free."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[int, Bucket]] = {}

    def at(self, now: float) -> Bucket:
        """The bucket of this moment."""
        step = int(now // STEP)
        known, bucket = self._buckets.get(step % LENGTH, (-1, Bucket()))
        if known != step:
            bucket = Bucket()
            self._buckets[step % LENGTH] = (step, bucket)
        return bucket

    def last(self, now: float, count: int) -> list[Bucket]:
        """The last `count` whole buckets and the one that is being filled, oldest first."""
        newest = int(now // STEP)
        found = []
        for step in range(newest - min(count, LENGTH - 1), newest + 1):
            known, bucket = self._buckets.get(step % LENGTH, (-1, Bucket()))
            found.append(bucket if known == step else Bucket())
        return found


class Histogram:
    """How many values were at most as large as each bound, and their sum, since the process started."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """Of each interval between two bounds, and above the last."""
        self.sum = 0.0

    def note(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


@dataclass(slots=True)
class Totals:
    """What was counted since the process started. The labels of `answers` are method, route and status."""

    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    answer_seconds: dict[str, Histogram] = field(default_factory=dict)
    closes: Counter[int] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    updates: int = 0
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(DURATIONS))
    batch_updates: Histogram = field(default_factory=lambda: Histogram(BATCH_SIZES))


class Recorder:
    """Everything that is counted in one process. Belongs to one event loop."""

    def __init__(self) -> None:
        self.requests = Ring()
        self.totals = Totals()
        self._commits: OrderedDict[int, Ring] = OrderedDict()

    def note_request(
        self, seconds: float, *, status: int, now: float, method: str = "GET", route: str = OTHER
    ) -> None:
        """An answer that was begun after so many seconds; `route` is the template of its path."""
        self.requests.at(now).note(seconds, failed=status >= 500)
        totals = self.totals
        if route not in totals.answer_seconds:
            if len(totals.answer_seconds) >= MAX_SERIES:
                route = OTHER
            totals.answer_seconds.setdefault(route, Histogram(DURATIONS))
        totals.answer_seconds[route].note(seconds)
        totals.answers[method if method in METHODS else OTHER, route, status] += 1

    def note_close(self, code: int) -> None:
        """A socket that we closed, by its close code."""
        self.totals.closes[code] += 1

    def note_limit(self, kind: str) -> None:
        """Somebody was refused because of a rate limit."""
        self.totals.limited[kind] += 1

    def note_batch(self, updates: int) -> None:
        """One transaction that appended so many updates, of any rooms."""
        self.totals.batch_updates.note(updates)

    def note_commit(self, tenant_id: int, updates: int, seconds: float, *, now: float) -> None:
        """One append of one room that was committed after so many seconds."""
        self.totals.updates += updates
        self.totals.commit_seconds.note(seconds)
        ring = self._commits.setdefault(tenant_id, Ring())
        ring.at(now).note(seconds, amount=updates)
        self._commits.move_to_end(tenant_id)
        while len(self._commits) > MAX_TENANTS:
            self._commits.popitem(last=False)

    def commits(self, tenant_id: int) -> Ring:
        """Commits of a tenant's rooms; the amount is updates."""
        return self._commits.get(tenant_id) or Ring()


def per_second(buckets: Sequence[Bucket]) -> list[float]:
    """The amounts of the buckets as rates."""
    return [bucket.amount / STEP for bucket in buckets]


def quantile(buckets: Iterable[Bucket], share: float) -> float | None:
    """The seconds that this share of all notes did not exceed, at most the longest there was; None
    without a note. As coarse as the bins: up to twice the truth."""
    together = [0] * BINS
    longest = 0.0
    for bucket in buckets:
        longest = max(longest, bucket.longest)
        for number, count in enumerate(bucket.bins):
            together[number] += count
    left = math.ceil(sum(together) * share)
    if left == 0:
        return None
    for number, count in enumerate(together):
        left -= count
        if left <= 0:
            return min(SMALLEST * float(2**number), longest)
    return longest


def _bin(seconds: float) -> int:
    return 0 if seconds <= SMALLEST else min(BINS - 1, math.ceil(math.log2(seconds / SMALLEST)))
