"""What updates have touched, by name: roots, and entries of root maps such as the rows of a table.

Updates and the outline of a later state come in, names go out, at most so many. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from webhost_sync.history.items import Item
from webhost_sync.history.outline import Outline
from webhost_sync.history.paths import pointer_of
from webhost_sync.sync.parts import ranges
from webhost_sync.sync.update import read_update

NAMED_KEYS = 2
"""How deep a name goes: a root, and a key in it."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Names in the order in which they were touched first, as pointers; `more` where some are left out."""

    names: tuple[str, ...]
    more: bool


def touched(outline: Outline, updates: Iterable[bytes], *, limit: int) -> Touched:
    """What these updates wrote or deleted. What is collected by now, with all that it was in, has no name.

    Raises: MalformedUpdate.
    """
    names: dict[str, None] = {}
    for update in updates:
        for item in _items(outline, update):
            place = outline.place(item)
            if place is not None:
                names[pointer_of(place[:NAMED_KEYS])] = None
            if len(names) > limit:
                return Touched(tuple(names)[:limit], more=True)
    return Touched(tuple(names), more=False)


def _items(outline: Outline, update: bytes) -> Iterator[Item]:
    summary = read_update(update)
    for client, first, end in (*summary.structs, *ranges(summary.deletes)):
        yield from outline.items_between(client, first, end)
