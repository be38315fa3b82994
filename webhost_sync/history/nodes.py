"""The content of a document as a tree of plain, immutable nodes, which can be compared and kept.

`content` makes it of a document, `difference` compares two. Unlike plain values it tells a shared map
from an object and a shared text from a string: the first merge piece by piece, the second are replaced
whole. The whole document is a `MapNode` of its roots; a root without content is like one that was never
written, and isn't there. Knows no pycrdt. Pure.

    Node
    ├── LeafNode      a plain value: what JSON can say, or bytes
    ├── MapNode       a shared map, or the roots of a document
    ├── ListNode      a shared array
    ├── TextNode      a shared text, also within XML: runs of text or embeds, with their formats
    ├── ElementNode   an XML element, or (without a tag) an XML fragment
    └── OpaqueNode    something that can be shown and not be made again: a document in a document
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = "tuple[object, ...]"


@dataclass(frozen=True, slots=True)
class LeafNode:
    """Equal where JavaScript would see no difference: `1` and `True` are not, two NaN are. Use `leaf`."""

    key: Key
    value: object = field(compare=False)


@dataclass(frozen=True, slots=True)
class MapNode:
    """Entries in the order of their keys. Use `map_node`."""

    entries: tuple[tuple[str, Node], ...]

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.entries if name == key), None)

    def with_entry(self, key: str, node: Node | None) -> MapNode:
        """The same map with this entry set, or removed."""
        entries = dict(self.entries)
        entries.pop(key, None)
        return map_node(entries if node is None else {**entries, key: node})


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Text, or one thing embedded in it, with the formats that hold for all of it."""

    content: str | Node
    formats: Formats = ()

    def __len__(self) -> int:
        """In units: a code point is one, and so is an embed."""
        return len(self.content) if isinstance(self.content, str) else 1

    def part(self, start: int, end: int) -> Run:
        return Run(self.content[start:end], self.formats) if isinstance(self.content, str) else self


@dataclass(frozen=True, slots=True)
class TextNode:
    """No run is empty, and neighbouring texts have different formats. Use `text_node`."""

    runs: tuple[Run, ...]
    is_xml: bool = False

    @property
    def text(self) -> str:
        """Its characters, without formats and embeds."""
        return "".join(run.content for run in self.runs if isinstance(run.content, str))


@dataclass(frozen=True, slots=True)
class ElementNode:
    """Without a tag it is a fragment, and has no attributes."""

    tag: str | None
    attributes: Formats
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class OpaqueNode:
    description: str


Node: TypeAlias = "LeafNode | MapNode | ListNode | TextNode | ElementNode | OpaqueNode"
Formats: TypeAlias = "tuple[tuple[str, LeafNode], ...]"
"""Formats of a run or attributes of an element, in the order of their names."""

EMPTY = MapNode(())
"""A document before its first update."""


def leaf(value: object) -> LeafNode:
    """A plain value: dict, list, str, int, float, bool, None or bytes."""
    return LeafNode(_key(value), value)


def map_node(entries: Mapping[str, Node]) -> MapNode:
    return MapNode(tuple(sorted(entries.items(), key=lambda entry: entry[0])))


def text_node(runs: Iterable[Run], *, is_xml: bool = False) -> TextNode:
    """A text of these runs, put together where they have the same formats."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if isinstance(run.content, str):
            if not run.content:
                continue
            if last and isinstance(last.content, str) and last.formats == run.formats:
                joined[-1] = Run(last.content + run.content, run.formats)
                continue
        joined.append(run)
    return TextNode(tuple(joined), is_xml)


def formats_of(formats: Mapping[str, object] | None) -> Formats:
    """Formats of a run, or attributes of an element; null means that there is none."""
    present = {name: value for name, value in (formats or {}).items() if value is not None}
    return tuple((name, leaf(value)) for name, value in sorted(present.items()))


class RunCursor:
    """Goes through runs once, from the front; each stretch that is taken begins where the last one ended."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = iter(runs)
        self._run: Run | None = next(self._runs, None)
        self._at = 0

    def take(self, length: int) -> Iterator[Run]:
        """The runs of the next `length` units, cut where they begin or end within one; fewer at the end."""
        while length > 0 and self._run is not None:
            size = min(length, len(self._run) - self._at)
            yield self._run.part(self._at, self._at + size)
            self._at += size
            length -= size
            if self._at == len(self._run):
                self._run, self._at = next(self._runs, None), 0


def find(node: Node, path: Iterable[str | int]) -> Node | None:
    """What lies at the path, an index into an array or among children as a number or its digits."""
    found: Node | None = node
    for key in path:
        match found:
            case MapNode():
                found = found.get(str(key))
            case ListNode(children) | ElementNode(_, _, children):
                index = int(key) if isinstance(key, int) or key.isdecimal() else len(children)
                found = children[index] if index < len(children) else None
            case _:
                return None
    return found


def is_empty(node: Node) -> bool:
    """Whether a root with this content is like one that was never written."""
    match node:
        case MapNode(content) | ListNode(content) | TextNode(content) | ElementNode(_, _, content):
            return not content
        case _:
            return False


def _key(value: object) -> Key:
    match value:
        case bool():
            return ("bool", value)
        case int():
            return ("number", repr(value))
        case float():
            return ("number", repr(int(value) if value.is_integer() and abs(value) < 2**53 else value))
        case dict():
            return ("object", tuple(sorted((str(key), _key(item)) for key, item in value.items())))
        case list():
            return ("array", tuple(map(_key, value)))
        case _:
            return (type(value).__name__, value)
