"""The changes that lead from one content of a document to another, and doing them to a tree of nodes.

`difference` finds them, `json_form` shows them, `content` does them to a live document. They are done one
after another, each to what those before it have made: that is what their indices mean. Pure.

    Change
    ├── Added, Removed, Replaced   an entry of a map, or a root: path and value
    ├── Spliced                    items of an array, or children of an XML element
    ├── TextEdited                 the pieces of a text
    └── AttributeChanged           an attribute of an XML element
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from webhost_sync.history.nodes import ElementNode, LeafNode, ListNode, MapNode, Node, TextNode
from webhost_sync.history.paths import Path, pointer_of
from webhost_sync.history.texts import Piece, edit_text


@dataclass(frozen=True, slots=True)
class Added:
    path: Path
    value: Node


@dataclass(frozen=True, slots=True)
class Removed:
    path: Path
    value: Node


@dataclass(frozen=True, slots=True)
class Replaced:
    path: Path
    before: Node
    after: Node


@dataclass(frozen=True, slots=True)
class Spliced:
    """At `index`, `removed` go and `added` come. `path` is that of the array or element."""

    path: Path
    index: int
    removed: tuple[Node, ...]
    added: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class TextEdited:
    path: Path
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class AttributeChanged:
    """None where there is no such attribute. `path` is that of the element."""

    path: Path
    name: str
    before: LeafNode | None
    after: LeafNode | None


Change: TypeAlias = "Added | Removed | Replaced | Spliced | TextEdited | AttributeChanged"


def apply(changes: Iterable[Change], content: MapNode) -> MapNode:
    """The content of a document after these changes. Raises: ValueError where they don't fit it."""
    for change in changes:
        changed = _at(content, change.path, change)
        assert isinstance(changed, MapNode)
        content = changed
    return content


def _at(node: Node, path: Path, change: Change) -> Node:
    """The node with the change made at the path below it."""
    key, *rest = path or (None,)
    last = len(path) == 1 and isinstance(change, Added | Removed | Replaced)
    if not path:
        return _inside(node, change)
    match node:
        case MapNode() if last:
            return _entry(node, str(key), change)
        case MapNode():
            child = node.get(str(key))
            if child is not None:
                return node.with_entry(str(key), _at(child, tuple(rest), change))
        case ListNode(items) if isinstance(key, int) and key < len(items):
            return ListNode((*items[:key], _at(items[key], tuple(rest), change), *items[key + 1 :]))
        case ElementNode(_, _, items) if isinstance(key, int) and key < len(items):
            return replace(
                node, children=(*items[:key], _at(items[key], tuple(rest), change), *items[key + 1 :])
            )
    raise ValueError(f"nothing lies at {pointer_of(change.path)}")


def _entry(node: MapNode, key: str, change: Change) -> MapNode:
    before, after = _values(change)
    if node.get(key) != before:
        raise ValueError(f"{pointer_of(change.path)} has another value")
    return node.with_entry(key, after)


def _values(change: Change) -> tuple[Node | None, Node | None]:
    """The value of an entry before and after; None where there is none."""
    match change:
        case Added(_, value):
            return None, value
        case Removed(_, value):
            return value, None
        case Replaced(_, before, after):
            return before, after
        case _:
            raise ValueError(f"{pointer_of(change.path)} is an entry of a map")


def _inside(node: Node, change: Change) -> Node:
    match change, node:
        case Spliced(), ListNode(items):
            return ListNode(_spliced(items, change))
        case Spliced(), ElementNode(_, _, children):
            return replace(node, children=_spliced(children, change))
        case TextEdited(_, pieces), TextNode():
            return edit_text(node, pieces)
        case AttributeChanged(_, name, _, after), ElementNode(_, attributes, _):
            kept = [attribute for attribute in attributes if attribute[0] != name]
            new = [*kept, (name, after)] if after is not None else kept
            return replace(node, attributes=tuple(sorted(new, key=lambda attribute: attribute[0])))
        case _:
            raise ValueError(f"{pointer_of(change.path)} is of another kind")


def _spliced(items: tuple[Node, ...], change: Spliced) -> tuple[Node, ...]:
    end = change.index + len(change.removed)
    if items[change.index : end] != change.removed:
        raise ValueError(f"{pointer_of(change.path)} has other items from {change.index} on")
    return (*items[: change.index], *change.added, *items[end:])
