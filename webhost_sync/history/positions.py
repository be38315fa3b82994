"""Which client's clocks stand at which positions of a text or an array.

A state and a path come in, stretches go out: positions are counted as JavaScript does, in UTF-16 units
of a text (an embed is one) and in items of an array. With `content`, all of the history that knows pycrdt,
which tells the id of what stands at a position and nothing of what comes behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pycrdt import Array, Doc, Text

from webhost_sync.history.content import Kinds
from webhost_sync.history.items import Id
from webhost_sync.history.paths import Path
from webhost_sync.sync.plain import shared_root


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions `start` to `end` (not included) hold clocks of one client, the first of them `first`."""

    start: int
    end: int
    first: Id


class Positions:
    """The texts and arrays of one state. Belongs to the thread that makes it."""

    def __init__(self, state: bytes, kinds: Kinds) -> None:
        self._doc: Doc[Any] = Doc(client_id=0)
        self._doc.apply_update(state)
        self._kinds = kinds

    def stretches(self, path: Path, length_from: Callable[[Id], int]) -> Iterator[Stretch]:
        """`length_from` says how many clocks stand side by side from one on."""
        shared = self._shared(path)
        sizes = _sizes(shared)
        at, unit, index = 0, 0, 0
        while unit < len(sizes):
            item = shared.sticky_index(index).to_json()["item"]
            first = (item["client"], item["clock"])
            end = at + length_from(first)
            start = at
            while unit < len(sizes) and at < end:
                width, size = sizes[unit]
                at, index, unit = at + width, index + size, unit + 1
            yield Stretch(start, at, first)

    def _shared(self, path: Path) -> Any:
        root, *keys = path
        shared = shared_root(self._doc, str(root), self._kinds[str(root)])
        for key in keys:
            shared = shared[key]
        return shared


def _sizes(shared: Array[Any] | Text) -> list[tuple[int, int]]:
    """Of each unit: how many positions it takes, and by how much pycrdt counts on."""
    if isinstance(shared, Array):
        return [(1, 1)] * len(shared)
    sizes: list[tuple[int, int]] = []
    for content, _ in shared.diff():
        if isinstance(content, str):
            sizes += [(len(char.encode("utf-16-le")) // 2, len(char.encode())) for char in content]
        else:
            sizes.append((1, 1))
    return sizes
