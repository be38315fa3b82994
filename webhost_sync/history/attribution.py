"""Who wrote what a document shows: which row of the log each entry, item and stretch of text came with.

A state and the authorship of its clocks come in, marks go out, in the order of their paths. Belongs to
the thread that calls it. Knows no store.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from webhost_sync.errors import InvalidRequest
from webhost_sync.history.authorship import BEFORE, Authorship
from webhost_sync.history.content import read_state
from webhost_sync.history.items import Id, read_items
from webhost_sync.history.nodes import ElementNode, ListNode, MapNode, Node, TextNode, find
from webhost_sync.history.outline import Container, Outline
from webhost_sync.history.paths import Path, pointer_of
from webhost_sync.history.positions import Positions
from webhost_sync.history.replay import State


@dataclass(frozen=True, slots=True)
class Mark:
    """What lies at `path` was written by row `seq`; of a text, its UTF-16 units `start` to `end`, by that
    row or earlier ones of the same writer.

    Of a map, an array or a text itself that is the row that made it. Seq 0 is a row that isn't kept.
    """

    path: Path
    seq: int
    start: int | None = None
    end: int | None = None


Writers = Callable[[int], Hashable]
"""Who made a row."""


def attribute(
    state: State, authorship: Authorship, path: tuple[str, ...], writer_of: Writers
) -> tuple[Mark, ...]:
    """The marks of all that lies at a path and below it. Raises: InvalidRequest (nothing lies there)."""
    content = read_state(state.update, state.kinds)
    if find(content, path) is None:
        raise InvalidRequest(f"path {pointer_of(path)!r}: nothing lies there at seq {state.seq}")
    return tuple(_Walk(state, authorship, writer_of).marks(content, path))


class _Walk:
    def __init__(self, state: State, authorship: Authorship, writer_of: Writers) -> None:
        self._writer_of = writer_of
        self._outline = Outline(read_items(state.update))
        self._authorship = authorship
        self._positions = Positions(state.update, state.kinds)

    def marks(self, content: MapNode, wanted: tuple[str, ...]) -> Iterator[Mark]:
        for name, node in content.entries:
            if wanted[:1] in ((), (name,)):
                yield from self._inside((name,), name, node, wanted[1:])

    def _inside(
        self, path: Path, container: Container, node: Node, wanted: tuple[str, ...]
    ) -> Iterator[Mark]:
        """The marks of what a root or type holds; `wanted` are the keys that lead on from here."""
        match node:
            case MapNode(entries):
                for key, child in entries:
                    if wanted[:1] in ((), (key,)) and (item := self._outline.entry(container, key)):
                        yield from self._child((*path, key), (item.client, item.end - 1), child, wanted[1:])
            case ListNode(items):
                for index, at in enumerate(self._items(path)):
                    if wanted[:1] in ((), (str(index),)):
                        yield from self._child((*path, index), at, items[index], wanted[1:])
            case TextNode(_, False):
                yield from _joined(self._text(path), self._writer_of)
            case TextNode() | ElementNode():
                yield Mark(path, self._last_within(path))

    def _child(self, path: Path, at: Id, node: Node, wanted: tuple[str, ...]) -> Iterator[Mark]:
        if not wanted:
            yield Mark(path, self._authorship.seq_of(at))
        yield from self._inside(path, at, node, wanted)

    def _items(self, path: Path) -> Iterator[Id]:
        for stretch in self._positions.stretches(path, self._length_from):
            client, first = stretch.first
            yield from ((client, first + place) for place in range(stretch.end - stretch.start))

    def _text(self, path: Path) -> Iterator[Mark]:
        for stretch in self._positions.stretches(path, self._length_from):
            client, first = stretch.first
            shift = stretch.start - first
            length = stretch.end - stretch.start
            for start, end, seq in self._authorship.stretches(client, first, first + length):
                yield Mark(path, seq, start + shift, end + shift)

    def _length_from(self, at: Id) -> int:
        item = self._outline.item(at)
        return 1 if item is None else item.end - at[1]

    def _last_within(self, path: Path) -> int:
        """The last row of all that shows within XML, where positions can't be asked for."""
        keys = tuple(str(key) for key in path if isinstance(key, str))
        return max(
            (
                self._authorship.seq_of((item.client, item.end - 1))
                for item in self._outline.alive()
                if (self._outline.place(item) or ())[: len(keys)] == keys
            ),
            default=BEFORE,
        )


def _joined(marks: Iterable[Mark], writer_of: Writers) -> Iterator[Mark]:
    """Neighbours of the same writer as one, with the last of their rows."""
    for _, stretch in groupby(marks, key=lambda mark: writer_of(mark.seq)):
        first, *others = stretch
        last = others[-1] if others else first
        yield replace(first, end=last.end, seq=max(mark.seq for mark in (first, *others)))
