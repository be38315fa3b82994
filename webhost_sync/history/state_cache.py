"""Past states that were made lately, so that the next one near by needs few rows.

States in, the nearest one before a seq out. Holds a bounded number of bytes and forgets what was not
asked for the longest. Knows no store.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from uuid import UUID

from webhost_sync.history.replay import State

Line = tuple[int, UUID]
"""A document and its epoch: after an erasure the same seq is another state."""
LARGEST_SHARE = 4
"""A state that takes more than a fourth of the cache isn't kept: it would push out everything else."""


class StateCache:
    """By line and seq. Within an epoch rows of the log never change, and so no state becomes wrong."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes of states."""
        self._limit = limit
        self._size = 0
        self._states: OrderedDict[tuple[Line, int], State] = OrderedDict()
        self._seqs: dict[Line, list[int]] = {}

    @property
    def size(self) -> int:
        return self._size

    def nearest(self, line: Line, seq: int) -> State | None:
        """The newest state at or before `seq`."""
        seqs = self._seqs.get(line, [])
        place = bisect_right(seqs, seq)
        if not place:
            return None
        key = (line, seqs[place - 1])
        self._states.move_to_end(key)
        return self._states[key]

    def add(self, line: Line, state: State) -> None:
        key = (line, state.seq)
        if key in self._states or state.size * LARGEST_SHARE > self._limit:
            return
        self._states[key] = state
        insort(self._seqs.setdefault(line, []), state.seq)
        self._size += state.size
        while self._size > self._limit:
            self._forget()

    def _forget(self) -> None:
        (line, seq), state = self._states.popitem(last=False)
        self._size -= state.size
        seqs = self._seqs[line]
        seqs.remove(seq)
        if not seqs:
            del self._seqs[line]
