"""Reads the content of a document, as nodes or as plain values.

A state comes in: one update that holds a whole document, as `sync.document` encodes it. With `editing` and
`positions`, all of the history that knows pycrdt.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment, XmlText

from webhost_sync.history.nodes import (
    ElementNode,
    LeafNode,
    ListNode,
    MapNode,
    Node,
    OpaqueNode,
    Run,
    TextNode,
    formats_of,
    is_empty,
    leaf,
    map_node,
    text_node,
)
from webhost_sync.sync.content import RootKind
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.plain import plain, shared_root

Kinds = Mapping[str, RootKind]


def joint_kinds(one: Kinds, other: Kinds) -> dict[str, RootKind]:
    """What two states of a document tell of its roots: the later one may have lost what told the kind."""
    return {name: max(one.get(name, kind), kind) for name, kind in {**one, **other}.items()}


def read_state(state: bytes, kinds: Kinds) -> MapNode:
    """The content of a document; `kinds` says what its roots look like."""
    with closing(Copy(state)) as copy:
        return content_of(copy.doc, kinds)


def read_values(state: bytes, kinds: Kinds) -> dict[str, object]:
    """The content of a document as plain values: a text is its characters, and XML its text."""
    with closing(Copy(state)) as copy:
        roots = {name: shared_root(copy.doc, name, kind) for name, kind in sorted(kinds.items())}
        return {name: plain(root) for name, root in roots.items() if len(items_of(root))}


class Copy:
    """A document made of a state, which notes the update of what is done to it afterwards."""

    def __init__(self, state: bytes, client_id: int = 0) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.doc.apply_update(state)
        self.update = EMPTY_UPDATE
        self._subscription = self.doc.observe(self._note)

    def close(self) -> None:
        self.doc.unobserve(self._subscription)

    def _note(self, event: TransactionEvent) -> None:
        self.update = event.update


def content_of(doc: Doc[Any], kinds: Kinds) -> MapNode:
    """The content of a document as it is now."""
    roots = {name: _node(shared_root(doc, name, kind)) for name, kind in kinds.items()}
    return map_node({name: node for name, node in roots.items() if not is_empty(node)})


def _node(value: Any) -> Node:
    match value:
        case Map():
            return map_node({key: _node(item) for key, item in value.items()})
        case Array():
            return ListNode(tuple(map(_node, value)))
        case Text() | XmlText():
            return _text(value)
        case XmlElement():
            children = tuple(map(_node, value.children))
            return ElementNode(value.tag, formats_of(_plain_items(value.attributes)), children)
        case XmlFragment():
            return ElementNode(None, (), tuple(map(_node, value.children)))
        case Doc():
            return OpaqueNode(f"document {value.guid}")
        case _:
            return leaf(plain(value))


def _text(text: Text | XmlText) -> TextNode:
    runs = [Run(_embedded(content), formats_of(_plain_items(formats))) for content, formats in text.diff()]
    return text_node(runs, is_xml=isinstance(text, XmlText))


def _embedded(content: Any) -> str | Node:
    if isinstance(content, str):
        return content
    node = _node(content)
    # A shared type within a text has no place by which an edit could find it.
    return node if isinstance(node, LeafNode) else OpaqueNode(f"embedded {node!r}")


def _plain_items(items: Any) -> dict[str, object]:
    return {name: plain(value) for name, value in dict(items or ()).items()}


def items_of(shared: Any) -> Any:
    """What counts, and is indexed, in a shared type: the children of XML, else what it holds."""
    return shared.children if isinstance(shared, XmlFragment | XmlElement) else shared
