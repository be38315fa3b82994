"""Updates as parts of something larger: which can be merged, and which ranges they cover.

Opaque V1 updates and their ranges in; fewer updates, or a yes or no, out. Knows no document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from pycrdt import merge_updates

EMPTY_UPDATE = b"\x00\x00"
Range = tuple[int, int, int]
"""(client, first clock, clock after the last)."""


@dataclass(frozen=True, slots=True)
class Part:
    """An update, and whether it may be merged with others without changing what becomes of them."""

    update: bytes
    mergeable: bool


def merge(parts: Iterable[Part]) -> tuple[bytes, ...]:
    """The same content in as few updates as can be: one, but for those that can't be merged."""
    merged: list[bytes] = []
    for mergeable, group in groupby(parts, key=lambda part: part.mergeable):
        updates = [part.update for part in group if part.update != EMPTY_UPDATE]
        merged += _merge(updates) if mergeable and len(updates) > 1 else updates
    return tuple(merged) or (EMPTY_UPDATE,)


def _merge(updates: list[bytes]) -> list[bytes]:
    try:
        return [merge_updates(*updates)]
    except ValueError:
        # Each of them was taken, so each stands by itself.
        return updates


def ranges(deletes: Iterable[tuple[int, int, int]]) -> list[Range]:
    """Ranges of deletions, which are on the wire as (client, clock, length)."""
    return [(client, clock, clock + length) for client, clock, length in deletes]


def contains(held: Iterable[Range], wanted: Iterable[Range]) -> bool:
    """Whether the union of `held` covers every range of `wanted`."""
    by_client: dict[int, list[tuple[int, int]]] = {}
    for client, first, end in sorted(held):
        by_client.setdefault(client, []).append((first, end))
    for client, first, end in wanted:
        reached = first
        for start, stop in by_client.get(client, ()):
            if start <= reached < stop:
                reached = stop
        if reached < end:
            return False
    return True
