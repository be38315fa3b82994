"""What the process did in the last quarter of an hour, in steps of five seconds.

    ring     one bucket a step, `LENGTH` of them; an old one is reused when its place comes again
    bucket   how many, how many failed, how much came with them, how long it took (sum, longest, and a
             histogram in powers of two, from which quantiles are read)

In: notes of requests and commits. Out: buckets, oldest first. The server's requests are counted for the
process, commits for each tenant. Pure: the clock (monotonic seconds) is an argument.
"""

from __future__ import annotations

import math
from collections import OrderedDict
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


class Recorder:
    """Everything that is counted in one process. Belongs to one event loop."""

    def __init__(self) -> None:
        self.requests = Ring()
        self._commits: OrderedDict[int, Ring] = OrderedDict()

    def note_request(self, seconds: float, *, failed: bool, now: float) -> None:
        self.requests.at(now).note(seconds, failed=failed)

    def note_commit(self, tenant_id: int, updates: int, seconds: float, *, now: float) -> None:
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
