"""How deep the types of a document are nested, told from where the items of each update were put.

Places of items come in, as `read_update` finds them; the greatest depth among them goes out. yrs goes
through nested types by recursion (to delete them, to show XML) and, for each change, up to the root: some
50,000 levels, which take 400 KB, end the process. So what is nested too deep must never reach it.

An item lies as deep as its neighbour, and one level below its parent; a root lies at depth 0. Depths are
kept as runs of clocks. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from webhost_sync.sync.content import MAX_CLOCK, Place

MAX_DEPTH = 200
"""Nobody nests by hand what comes near it; plain values of this depth don't exhaust Python's stack."""


class Nesting:
    """The depths of all items of one document.

    Invariant: places that are added again change nothing.
    """

    def __init__(self) -> None:
        self._starts: dict[int, list[int]] = {}
        self._depths: dict[int, list[int]] = {}

    def add(self, places: Sequence[Place]) -> int:
        """Note the items of an update whose causes are here, or in itself; returns the greatest depth.

        Raises: ValueError when items wait for each other in a circle.
        """
        pending: dict[int, list[Place]] = {}
        for place in reversed(places):
            pending.setdefault(place[0], []).append(place)
        deepest = 0
        for first in pending:
            # One client's items may stand on those of another that come later in the update. Of the
            # other no more is taken than that: what follows may stand on the first one's again.
            stack = [(first, MAX_CLOCK)]
            while stack:
                client, last = stack[-1]
                waiting = pending[client]
                if not waiting or waiting[-1][1] > last:
                    stack.pop()
                    continue
                _, clock, near_client, near_clock, steps = waiting[-1]
                others = pending.get(near_client)
                if near_client != client and others and others[-1][1] <= near_clock:
                    if len(stack) > len(places):
                        raise ValueError("items that wait for each other")
                    stack.append((near_client, near_clock))
                    continue
                waiting.pop()
                depth = self._depth(near_client, near_clock) + steps
                self._note(client, clock, depth)
                deepest = max(deepest, depth)
        return deepest

    def _depth(self, client: int, clock: int) -> int:
        run = bisect_right(self._starts.get(client, ()), clock) - 1
        return self._depths[client][run] if run >= 0 else 0

    def _note(self, client: int, clock: int, depth: int) -> None:
        starts, depths = self._starts.setdefault(client, []), self._depths.setdefault(client, [])
        if not starts or (clock > starts[-1] and depth != depths[-1]):
            starts.append(clock)
            depths.append(depth)
