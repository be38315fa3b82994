"""Lets the first lines of a kind through and then few, so that one event can't fill the disk.

    kind     level and event; their fields don't count
    burst    so many lines of a kind in `WINDOW` seconds are written as they come
    beyond   one in `ONE_IN`, which says how many were left out since the last one

Errors are always written. Pure: the clock is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

WINDOW = 10.0
ONE_IN = 100
MAX_KINDS = 1000
NEVER_LEFT_OUT = frozenset({"error", "critical", "exception"})


@dataclass(slots=True)
class _Kind:
    since: float
    seen: int = 0
    left_out: int = 0


class Sampler:
    """Invariant: at most `MAX_KINDS` are remembered; the one not seen for longest is forgotten first."""

    def __init__(self, burst: int) -> None:
        """A `burst` of 0 lets everything through."""
        self._burst = burst
        self._kinds: OrderedDict[tuple[str, str], _Kind] = OrderedDict()

    def take(self, level: str, event: str, now: float) -> int | None:
        """How many were left out before this line; None where it is left out itself."""
        if not self._burst or level in NEVER_LEFT_OUT:
            return 0
        kind = self._kinds.setdefault((level, event), _Kind(now))
        self._kinds.move_to_end((level, event))
        if len(self._kinds) > MAX_KINDS:
            self._kinds.popitem(last=False)
        if now - kind.since >= WINDOW:
            kind.since, kind.seen = now, 0
        kind.seen += 1
        if kind.seen > self._burst and (kind.seen - self._burst) % ONE_IN:
            kind.left_out += 1
            return None
        left_out, kind.left_out = kind.left_out, 0
        return left_out
