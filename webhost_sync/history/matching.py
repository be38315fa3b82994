"""Which stretches of one sequence stand in another, in the same order.

Two sequences of hashable things in, blocks out: as many equal things as can be found with bounded work.
What is alike at both ends goes first; then things that occur exactly once on either side are anchors (as
in Bram Cohen's patience diff); what is left between two anchors is compared by Myers' algorithm ("An
O(ND) Difference Algorithm and Its Variations", 1986), and given up where it differs too much. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

MAX_EDITS = 500
"""Differences between two anchors above which nothing in between is said to be alike."""


class Block(NamedTuple):
    """`length` equal things, from `first` in the one and from `second` in the other sequence."""

    first: int
    second: int
    length: int


class _Stretch(NamedTuple):
    start: int
    end: int
    other_start: int
    other_end: int


def matching_blocks(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Block]:
    """Blocks in rising order on both sides, none empty, and none right behind another on both sides."""
    found: list[Block] = []
    stretches = [_Stretch(0, len(one), 0, len(other))]
    while stretches:
        stretch = _without_ends(one, other, stretches.pop(), found)
        if stretch.start == stretch.end or stretch.other_start == stretch.other_end:
            continue
        anchors = _anchors(one, other, stretch)
        if anchors:
            stretches += _between(stretch, anchors)
            found += (Block(first, second, 1) for first, second in anchors)
        else:
            found += _myers(one, other, stretch)
    return joined(sorted(found))


def gaps(blocks: Sequence[Block], length: int, other_length: int) -> list[tuple[int, int, int, int]]:
    """What lies before, between and after the blocks: (start, end) of the one, then of the other."""
    found = []
    at, other_at = 0, 0
    for block in (*blocks, Block(length, other_length, 0)):
        if at < block.first or other_at < block.second:
            found.append((at, block.first, other_at, block.second))
        at, other_at = block.first + block.length, block.second + block.length
    return found


def _without_ends(
    one: Sequence[Hashable], other: Sequence[Hashable], stretch: _Stretch, found: list[Block]
) -> _Stretch:
    """Note what both have in common at the ends, and return what is between."""
    start, end, other_start, other_end = stretch
    while start < end and other_start < other_end and one[start] == other[other_start]:
        start, other_start = start + 1, other_start + 1
    if start > stretch.start:
        found.append(Block(stretch.start, stretch.other_start, start - stretch.start))
    tail = end
    while start < end and other_start < other_end and one[end - 1] == other[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    if end < tail:
        found.append(Block(end, other_end, tail - end))
    return _Stretch(start, end, other_start, other_end)


def _anchors(one: Sequence[Hashable], other: Sequence[Hashable], stretch: _Stretch) -> list[tuple[int, int]]:
    """Places of things that occur once on either side: the longest row of them that rises on both."""
    places = range(stretch.start, stretch.end)
    other_places = range(stretch.other_start, stretch.other_end)
    counts = Counter(one[place] for place in places)
    other_counts = Counter(other[place] for place in other_places)
    where = {other[place]: place for place in other_places if other_counts[other[place]] == 1}
    pairs = [
        (place, where[one[place]]) for place in places if counts[one[place]] == 1 and one[place] in where
    ]
    return _longest_rising(pairs)


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        at = bisect_left(ends, second)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [second]
        last[at : at + 1] = [number]
    rising = []
    number = last[-1] if last else -1
    while number >= 0:
        rising.append(pairs[number])
        number = before[number]
    return rising[::-1]


def _between(stretch: _Stretch, anchors: Sequence[tuple[int, int]]) -> list[_Stretch]:
    starts = [(stretch.start, stretch.other_start), *((one + 1, other + 1) for one, other in anchors)]
    ends = [*anchors, (stretch.end, stretch.other_end)]
    return [_Stretch(start[0], end[0], start[1], end[1]) for start, end in zip(starts, ends, strict=True)]


def _myers(one: Sequence[Hashable], other: Sequence[Hashable], stretch: _Stretch) -> list[Block]:
    """The greedy algorithm: on each diagonal as far as can be reached with so many edits."""
    length, other_length = stretch.end - stretch.start, stretch.other_end - stretch.other_start
    reached = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(length + other_length, MAX_EDITS) + 1):
        trace.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            x = _next(reached, diagonal, edits)
            y = x - diagonal
            while (
                x < length and y < other_length and one[stretch.start + x] == other[stretch.other_start + y]
            ):
                x, y = x + 1, y + 1
            reached[diagonal] = x
            if x >= length and y >= other_length:
                return _way_back(trace, stretch, length, other_length)
    return []


def _comes_from_above(reached: dict[int, int], diagonal: int, edits: int) -> bool:
    """Whether the furthest way to this diagonal inserts, rather than deletes, with its last edit."""
    if diagonal == -edits:
        return True
    return diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1]


def _next(reached: dict[int, int], diagonal: int, edits: int) -> int:
    above = _comes_from_above(reached, diagonal, edits)
    return reached[diagonal + 1] if above else reached[diagonal - 1] + 1


def _way_back(trace: list[dict[int, int]], stretch: _Stretch, length: int, other_length: int) -> list[Block]:
    """The diagonals that were gone along, each of them a block."""
    blocks: list[Block] = []
    x, y = length, other_length
    for edits in range(len(trace) - 1, -1, -1):
        reached = trace[edits]
        diagonal = x - y
        start_x = _next(reached, diagonal, edits)
        start_y = start_x - diagonal
        if x > start_x:
            blocks.append(Block(stretch.start + start_x, stretch.other_start + start_y, x - start_x))
        if edits == 0:
            break
        above = _comes_from_above(reached, diagonal, edits)
        x, y = (start_x, start_y - 1) if above else (start_x - 1, start_y)
    return blocks


def joined(blocks: Sequence[Block]) -> list[Block]:
    """Blocks in rising order, put together where one follows on another on both sides."""
    long: list[Block] = []
    for block in blocks:
        last = long[-1] if long else None
        if last and last.first + last.length == block.first and last.second + last.length == block.second:
            long[-1] = Block(last.first, last.second, last.length + block.length)
        else:
            long.append(block)
    return long
