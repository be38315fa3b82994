"""What changed between two states, as something to read: grouped by row, values before and after, texts
with what went and what came. Changes come in. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from webhost_sync.dashboard.documents.prose import look_of
from webhost_sync.dashboard.documents.tree import Branch, Opaque, tree
from webhost_sync.dashboard.documents.values import value_words
from webhost_sync.history.changes import (
    Added,
    AttributeChanged,
    Change,
    Removed,
    Replaced,
    Spliced,
    TextEdited,
)
from webhost_sync.history.nodes import LeafNode, ListNode, Node, Run
from webhost_sync.history.paths import Path, pointer_of
from webhost_sync.history.texts import Piece, PieceKind

GROUPS = 200
"""Groups that are drawn; the JSON has all changes."""
ROW_DEPTH = 2
"""A root, and a key within it: what belongs together."""
CONTEXT = 90
"""Characters of unchanged text that are shown on either side of a change."""


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """A stretch of text; one of kind `skipped` stands for so many characters that stayed."""

    kind: str
    text: str
    formats: tuple[str, ...] = ()
    others: str = ""
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """One change. `sign` is added, removed, replaced, text, items or attribute; `name` what is changed
    within its group."""

    sign: str
    name: str
    pointer: str
    before: Branch | None = None
    after: Branch | None = None
    pieces: tuple[ShownPiece, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of one row, or one that stands by itself. `pointer` is what can be restored by itself."""

    pointer: str
    sign: str
    changes: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    groups: tuple[Group, ...]
    left_out: int
    added: int
    removed: int
    changed: int


def draw(changes: Sequence[Change]) -> Drawn:
    """All changes, in the order of their places."""
    grouped: dict[Path, list[Change]] = {}
    for change in changes:
        grouped.setdefault(change.path[:ROW_DEPTH], []).append(change)
    groups = [_group(path, together) for path, together in list(grouped.items())[:GROUPS]]
    count = [_sign(change) for change in changes]
    added, removed = count.count("added"), count.count("removed")
    return Drawn(tuple(groups), max(len(grouped) - GROUPS, 0), added, removed, len(count) - added - removed)


def _group(path: Path, changes: Sequence[Change]) -> Group:
    whole = [change for change in changes if change.path == path and _sign(change) in ("added", "removed")]
    sign = _sign(whole[0]) if whole else "replaced"
    return Group(pointer_of(path), sign, tuple(shown for change in changes for shown in _shown(change, path)))


def _sign(change: Change) -> str:
    match change:
        case Added():
            return "added"
        case Removed():
            return "removed"
        case TextEdited():
            return "text"
        case Spliced():
            return "items"
        case AttributeChanged():
            return "attribute"
        case Replaced():
            return "replaced"


def _shown(change: Change, group: Path) -> Iterator[Shown]:
    sign, pointer = _sign(change), pointer_of(change.path)
    name = pointer_of(change.path[len(group) :]).removeprefix("/")
    match change:
        case Added(_, value):
            yield Shown(sign, name, pointer, None, _within(value))
        case Removed(_, value):
            yield Shown(sign, name, pointer, _within(value), None)
        case Replaced(_, before, after):
            yield Shown(sign, name, pointer, _within(before), _within(after))
        case TextEdited(_, pieces):
            yield Shown(sign, name, pointer, pieces=tuple(_pieces(pieces)))
        case Spliced(_, index, removed, added):
            named = f"{name}[{index}]" if name else f"item {index}"
            yield Shown(sign, named, pointer, _items(removed), _items(added))
        case AttributeChanged(_, attribute, before_leaf, after_leaf):
            named = f"{name} @{attribute}".strip()
            yield Shown(sign, named, pointer, _attribute(before_leaf), _attribute(after_leaf))


def _within(node: Node) -> Branch:
    return tree(node)


def _items(nodes: Sequence[Node]) -> Branch | None:
    match nodes:
        case []:
            return None
        case [node]:
            return _within(node)
    return tree(ListNode(tuple(nodes)))


def _attribute(value: LeafNode | None) -> Branch:
    return Opaque("nothing") if value is None else tree(value)


def _pieces(pieces: Sequence[Piece]) -> Iterator[ShownPiece]:
    for number, piece in enumerate(pieces):
        if piece.kind is PieceKind.KEPT:
            text = "".join(map(_content, piece.runs))
            yield from _kept(text, is_first=number == 0, is_last=number == len(pieces) - 1)
        else:
            for run in piece.runs:
                looks, others = look_of(run.formats)
                yield ShownPiece(piece.kind.value, _content(run), looks, others)


def _kept(text: str, *, is_first: bool, is_last: bool) -> Iterable[ShownPiece]:
    """What stayed, cut down to what stands beside a change."""
    if len(text) <= 3 * CONTEXT:
        yield ShownPiece("kept", text)
        return
    head = 0 if is_first else _word_end(text)
    tail = len(text) if is_last else len(text) - _word_end(text[::-1])
    if head:
        yield ShownPiece("kept", text[:head])
    yield ShownPiece("skipped", "", skipped=tail - head)
    if tail < len(text):
        yield ShownPiece("kept", text[tail:])


def _word_end(text: str) -> int:
    """Where to cut the beginning of a long text: behind a word."""
    found = max(text.rfind(space, CONTEXT // 2, CONTEXT) for space in " \n")
    return found if found > 0 else CONTEXT


def _content(run: Run) -> str:
    if isinstance(run.content, str):
        return run.content
    return f"[{value_words(run.content.value).text if isinstance(run.content, LeafNode) else 'embedded'}]"
