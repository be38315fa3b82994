"""Where the items of a document lie: in which root or map entry, and which item an entry shows.

The items of a whole state come in; the place of any client and clock goes out. Positions within texts and
arrays are not known here: these are places of their own. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from webhost_sync.history.items import Id, Item

Place = tuple[str, ...]
"""The root and the keys of maps that lead to an item."""
Container = str | Id
"""What holds entries or items: a root by its name, or the item whose type it is."""


class Outline:
    """The items of one state, by client and clock."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items: dict[int, list[Item]] = {}
        self._homes: dict[Id, tuple[Container, str | None] | None] = {}
        self._places: dict[Container, Place | None] = {}
        for item in items:
            self._items.setdefault(item.client, []).append(item)
        self._starts = {client: [item.clock for item in own] for client, own in self._items.items()}
        self._entries: dict[Container, dict[str, Item]] = {}
        for item in self.alive():
            home = self._home(item)
            if home is not None and home[1] is not None:
                self._entries.setdefault(home[0], {})[home[1]] = item

    def alive(self) -> Iterator[Item]:
        """Every item that isn't deleted."""
        return (item for own in self._items.values() for item in own if not item.is_deleted)

    def entry(self, container: Container, key: str) -> Item | None:
        """The item that a map shows under a key: of those written there, the one that isn't deleted."""
        return self._entries.get(container, {}).get(key)

    def item(self, at: Id) -> Item | None:
        """The item that holds this clock."""
        place = bisect_right(self._starts.get(at[0], ()), at[1]) - 1
        item = self._items[at[0]][place] if place >= 0 else None
        return item if item is not None and at[1] < item.end else None

    def items_between(self, client: int, first: int, end: int) -> Iterator[Item]:
        """Those that have clocks from `first` up to `end`, which isn't included."""
        own = self._items.get(client, [])
        place = max(bisect_right(self._starts.get(client, ()), first) - 1, 0)
        while place < len(own) and own[place].clock < end:
            if own[place].end > first:
                yield own[place]
            place += 1

    def place(self, item: Item) -> Place | None:
        """Where an item lies; None where that is forgotten, with a type that was deleted."""
        home = self._home(item)
        if home is None:
            return None
        above = self._place_of(home[0])
        return above if above is None or home[1] is None else (*above, home[1])

    def _place_of(self, container: Container) -> Place | None:
        """The place of a root or type. Types are nested some hundred deep at most."""
        if isinstance(container, str):
            return (container,)
        if container not in self._places:
            item = self.item(container)
            self._places[container] = None if item is None else self.place(item)
        return self._places[container]

    def _home(self, item: Item) -> tuple[Container, str | None] | None:
        """What an item is in, and under which key. Only the first of those beside each other tells."""
        way: list[Id] = []
        current: Item | None = item
        while current is not None and (current.client, current.clock) not in self._homes:
            way.append((current.client, current.clock))
            if current.parent is not None or current.neighbour is None:
                break
            current = self.item(current.neighbour)
        if current is None:
            home = None
        elif (current.client, current.clock) in self._homes:
            home = self._homes[current.client, current.clock]
        else:
            home = None if current.parent is None else (current.parent, current.key)
        for each in way:
            self._homes[each] = home
        return home
