"""Content and changes of a document as what JSON can carry.

In: plain values, nodes and changes. Out: dict, list, str, int, float, bool and None. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from webhost_sync.fleet.layout import base64_from_bytes
from webhost_sync.fleet.values import TAG
from webhost_sync.history.changes import (
    Added,
    AttributeChanged,
    Change,
    Removed,
    Replaced,
    Spliced,
    TextEdited,
)
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
from webhost_sync.history.paths import pointer_of
from webhost_sync.history.texts import Piece, PieceKind

Json = dict[str, object]


def plain_json(value: object) -> object:
    """A plain value with bytes as a tagged object, and null for numbers that JSON hasn't."""
    match value:
        case bytes():
            return {TAG: "b", "k": "Uint8Array", "v": base64_from_bytes(value)}
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(key): plain_json(item) for key, item in value.items()}
        case list():
            return [plain_json(item) for item in value]
    return value


def node_json(node: Node) -> object:
    """A text without formats and embeds is a string, any other a list of its runs; an XML element is
    an object of tag, attributes and children, a fragment the list of its children."""
    match node:
        case LeafNode():
            return plain_json(node.value)
        case MapNode(entries):
            return {key: node_json(item) for key, item in entries}
        case ListNode(items):
            return [node_json(item) for item in items]
        case TextNode(runs):
            is_plain = all(isinstance(run.content, str) and not run.formats for run in runs)
            return node.text if is_plain else [_run(run) for run in runs]
        case ElementNode(None, _, children):
            return [node_json(child) for child in children]
        case ElementNode(tag, attributes, children):
            return {
                "tag": tag,
                "attributes": _formats(attributes),
                "children": [node_json(child) for child in children],
            }
        case OpaqueNode(description):
            return {"opaque": description}


def change_json(change: Change) -> Json:
    """One change; `change` says which kind, and `path` where."""
    shown: Json = {"path": pointer_of(change.path)}
    match change:
        case Added(_, value):
            return {"change": "added", **shown, "after": node_json(value)}
        case Removed(_, value):
            return {"change": "removed", **shown, "before": node_json(value)}
        case Replaced(_, before, after):
            return {"change": "replaced", **shown, "before": node_json(before), "after": node_json(after)}
        case Spliced(_, index, removed, added):
            return {
                "change": "spliced",
                **shown,
                "index": index,
                "removed": [node_json(item) for item in removed],
                "added": [node_json(item) for item in added],
            }
        case TextEdited(_, pieces):
            return {"change": "text", **shown, "pieces": [item for piece in pieces for item in _piece(piece)]}
        case AttributeChanged(_, name, before_leaf, after_leaf):
            return {
                "change": "attribute",
                **shown,
                "name": name,
                "before": None if before_leaf is None else node_json(before_leaf),
                "after": None if after_leaf is None else node_json(after_leaf),
            }


def _piece(piece: Piece) -> Iterable[Json]:
    for run in piece.runs:
        shown: Json = {"piece": piece.kind.value, **_run(run)}
        if piece.kind is PieceKind.FORMATTED:
            shown |= {"formats": _formats(run.formats), "formats_before": _formats(piece.was)}
        yield shown


def _run(run: Run) -> Json:
    content: Json = (
        {"text": run.content} if isinstance(run.content, str) else {"embed": node_json(run.content)}
    )
    return {**content, "formats": _formats(run.formats)} if run.formats else content


def _formats(formats: Iterable[tuple[str, LeafNode]]) -> Json:
    return {name: plain_json(value.value) for name, value in formats}
