"""Does changes to a copy of a document, as one transaction, and gives the update that it makes.

A state and changes come in, an update goes out. Nothing here touches a live document: whoever wants the
changes in one hands the update to its room, as any client does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from webhost_sync.history.changes import (
    Added,
    AttributeChanged,
    Change,
    Removed,
    Replaced,
    Spliced,
    TextEdited,
)
from webhost_sync.history.content import Copy, Kinds, content_of, items_of
from webhost_sync.history.nodes import (
    ElementNode,
    LeafNode,
    ListNode,
    MapNode,
    Node,
    OpaqueNode,
    Run,
    TextNode,
)
from webhost_sync.history.paths import Path
from webhost_sync.history.texts import Piece, PieceKind
from webhost_sync.sync.content import RootKind
from webhost_sync.sync.plain import shared_root

STRETCH = 32
"""Items of an array that are put in one behind another: more of them take less room in the update, and
more memory while it is made."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One transaction as an update, and what the document holds after it."""

    update: bytes
    content: MapNode
    state_vector: bytes


def edit_state(state: bytes, kinds: Kinds, changes: Iterable[Change], *, client_id: int) -> Edit:
    """Do the changes to a copy of the document as the writer `client_id` (32 bits), who has never written
    to it before.

    What can't be made again (a document in a document) is left out, so the content after it may
    differ from what the changes say. Raises: ValueError where the changes don't fit the document.
    """
    with closing(Copy(state, client_id)) as copy:
        editor = _Editor(copy.doc, content_of(copy.doc, kinds), kinds)
        with copy.doc.transaction():
            for change in changes:
                editor.do(change)
        content = content_of(copy.doc, {**kinds, **editor.made})
        return Edit(copy.update, content, copy.doc.get_state())


_KIND_OF: dict[type[Node], RootKind] = {
    MapNode: RootKind.MAP,
    ListNode: RootKind.ARRAY,
    TextNode: RootKind.TEXT,
    ElementNode: RootKind.XML_FRAGMENT,
}


class _Editor:
    """Does changes to a document, one after another. `made` are the kinds of roots that it has written."""

    def __init__(self, doc: Doc[Any], content: MapNode, kinds: Kinds) -> None:
        self._doc = doc
        self._kinds = {**kinds, **{name: _KIND_OF[type(node)] for name, node in content.entries}}
        self.made: dict[str, RootKind] = {}

    def do(self, change: Change) -> None:
        match change:
            case Added(path, value):
                self._set(path, None, value)
            case Removed(path, value):
                self._set(path, value, None)
            case Replaced(path, before, after):
                self._set(path, before, after)
            case Spliced(path, index, removed, added):
                items = items_of(self._shared(path))
                if removed:
                    del items[index : index + len(removed)]
                _insert(items, index, added)
            case TextEdited(path, pieces):
                _edit_text(self._shared(path), pieces)
            case AttributeChanged(path, name, _, after_leaf):
                attributes = self._shared(path).attributes
                if after_leaf is None:
                    del attributes[name]
                else:
                    attributes[name] = after_leaf.value

    def _set(self, path: Path, before: Node | None, after: Node | None) -> None:
        *above, key = path
        if not above:
            if before is not None:
                _clear(self._root(str(key)))
            if after is not None:
                self.made[str(key)] = self._kinds[str(key)] = _KIND_OF[type(after)]
                _fill(self._root(str(key)), after)
            return
        shared = self._shared(tuple(above))
        if after is None:
            del shared[key]
        else:
            _put(shared, str(key), after)

    def _root(self, name: str) -> Any:
        return shared_root(self._doc, name, self._kinds[name])

    def _shared(self, path: Path) -> Any:
        root, *keys = path
        shared = self._root(str(root))
        for key in keys:
            shared = items_of(shared)[key]
        return shared


def _clear(shared: Any) -> None:
    if isinstance(shared, Map):
        for key in list(shared.keys()):
            del shared[key]
        return
    items = items_of(shared)
    if len(items):
        del items[0 : len(items)]


def _put(shared: Any, key: str, node: Node) -> None:
    if (value := _new(node)) is not None:
        shared[key] = value[0]
        _fill(shared[key], node)


def _insert(items: Any, index: int, nodes: Sequence[Node]) -> None:
    """From back to front, a stretch at a time. pycrdt joins plain values that are put in one behind another
    in one transaction, and copies what it has joined so far for each: n of them take 12 n² bytes."""
    for start in reversed(range(0, len(nodes), STRETCH)):
        _insert_stretch(items, index, nodes[start : start + STRETCH])


def _insert_stretch(items: Any, index: int, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if (value := _new(node)) is not None:
            items.insert(index, value[0])
            _fill(items[index], node)
            index += 1


def _new(node: Node) -> tuple[Any] | None:
    """What to put in for a node, without what is in it; None where it can't be made."""
    match node:
        case LeafNode():
            return (node.value,)
        case MapNode():
            return (Map(),)
        case ListNode():
            return (Array(),)
        case TextNode(_, is_xml):
            return (XmlText(),) if is_xml else (Text(),)
        case ElementNode(None):
            return (XmlFragment(),)
        case ElementNode(tag):
            return (XmlElement(tag),)
        case OpaqueNode():
            return None


def _fill(shared: Any, node: Node) -> None:
    """Put the content of a node into the shared type that was made for it."""
    match node:
        case MapNode(entries):
            for key, item in entries:
                _put(shared, key, item)
        case ListNode(items):
            _insert(shared, 0, items)
        case TextNode(runs):
            _edit_text(shared, [Piece(PieceKind.INSERTED, runs)])
        case ElementNode(_, attributes, children):
            for name, value in attributes:
                shared.attributes[name] = value.value
            _insert(shared.children, 0, children)


def _edit_text(text: Any, pieces: Iterable[Piece]) -> None:
    """pycrdt counts in bytes of UTF-8; an embed is one."""
    at = 0
    for piece in pieces:
        for run in piece.runs:
            size = len(run.content.encode()) if isinstance(run.content, str) else 1
            match piece.kind:
                case PieceKind.DELETED:
                    del text[at : at + size]
                    continue
                case PieceKind.INSERTED:
                    if not _insert_run(text, at, run):
                        continue
                case PieceKind.FORMATTED:
                    gone = {name: None for name, _ in piece.was}
                    text.format(at, at + size, {**gone, **_values(run)})
                case PieceKind.KEPT:
                    pass
            at += size


def _insert_run(text: Any, at: int, run: Run) -> bool:
    if isinstance(run.content, str):
        text.insert(at, run.content, _values(run))
    elif isinstance(run.content, LeafNode):
        text.insert_embed(at, run.content.value, _values(run))
    else:
        return False
    return True


def _values(run: Run) -> dict[str, object]:
    return {name: value.value for name, value in run.formats}
