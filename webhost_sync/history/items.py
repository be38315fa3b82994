"""The items of an update: which piece of content lies beside or in which other, and under which key.

An update that `sync.update` has read before, so that it is known to be well formed, comes in; its items go
out in the order of the update. An item is a run of clocks of one client that were written one behind
another. The format is that of Yjs 13.6 (`structs/Item.js`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from webhost_sync.sync.content import DELETED, Findings, read_content, read_length
from webhost_sync.sync.lib0 import Reader
from webhost_sync.sync.update import CONTENT_KIND, GC, HAS_ORIGIN, HAS_PARENT_SUB, HAS_RIGHT_ORIGIN, SKIP

Id = tuple[int, int]
"""Client and clock."""


@dataclass(frozen=True, slots=True)
class Item:
    """Clocks `clock` to `end` (not included) of a client.

    `parent` is the name of a root or the id of the item whose type it is in; where an item has a
    neighbour, only that is told, and it lies where that lies. Of what is `collected` nothing is known.
    """

    client: int
    clock: int
    end: int
    parent: str | Id | None
    key: str | None
    neighbour: Id | None
    is_deleted: bool
    is_collected: bool


def read_items(update: bytes) -> Iterator[Item]:
    """The items of an update that is well formed. Raises: ProtocolError where it isn't."""
    reader = Reader(update)
    for _ in range(reader.read_uint()):
        count, client, clock = reader.read_uint(), reader.read_uint(), reader.read_uint()
        for _ in range(count):
            info = reader.read_byte()
            if info in (GC, SKIP):
                end = clock + read_length(reader)
                if info == GC:
                    yield Item(client, clock, end, None, None, None, is_deleted=True, is_collected=True)
            else:
                item = _read_item(reader, client, clock, info)
                end = item.end
                yield item
            clock = end


def _read_item(reader: Reader, client: int, clock: int, info: int) -> Item:
    parent: str | Id | None = None
    key = None
    origin = _read_id(reader) if info & HAS_ORIGIN else None
    right_origin = _read_id(reader) if info & HAS_RIGHT_ORIGIN else None
    if origin is None and right_origin is None:
        parent = reader.read_string() if reader.read_uint() else _read_id(reader)
        key = reader.read_string() if info & HAS_PARENT_SUB else None
    kind = info & CONTENT_KIND
    length, _ = read_content(reader, Findings(), kind)
    neighbour = origin if origin is not None else right_origin
    return Item(client, clock, clock + length, parent, key, neighbour, kind == DELETED, is_collected=False)


def _read_id(reader: Reader) -> Id:
    return reader.read_uint(), reader.read_uint()
