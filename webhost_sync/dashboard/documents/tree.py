"""A document's content as something to read: fields, tables and texts, each value with who wrote it.

A node comes in, with its path and the marks of an attribution; branches go out, of which `_tree.html`
draws each kind. What is long is cut, and says so: the rest is one link further. Pure.

    Branch
    ├── Value     one plain value
    ├── Fields    entries of a map or object, items of an array
    ├── Table     a map of maps, or an array of objects: a row for each
    ├── Prose     a text, in stretches of one writer and one format
    ├── Element   an XML element
    └── Opaque    what has no form here
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from webhost_sync.dashboard.documents.prose import Prose, prose
from webhost_sync.dashboard.documents.values import Words, value_words
from webhost_sync.dashboard.documents.writers import NO_MARKS, Marks, Written
from webhost_sync.fleet.values import TAG
from webhost_sync.history.nodes import (
    ElementNode,
    LeafNode,
    ListNode,
    MapNode,
    Node,
    OpaqueNode,
    TextNode,
    leaf,
)
from webhost_sync.history.paths import Path, pointer_of

SHOWN = 100
"""Entries of what is looked at; those of what lies within are a few."""
SHOWN_WITHIN = 12
COLUMNS = 10
FEWEST_ROWS = 2
DEEPEST = 8
"""Levels that are drawn at once; what lies below is one link further."""


@dataclass(frozen=True, slots=True)
class Value:
    kind: ClassVar[str] = "value"
    words: Words


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry or item: its key, its place, what it holds, and who wrote it."""

    key: str
    pointer: str
    branch: Branch
    written: Written | None


@dataclass(frozen=True, slots=True)
class Fields:
    """`total` of which those from `first` on are here. `of` is map, object, array or children."""

    kind: ClassVar[str] = "fields"
    pointer: str
    of: str
    entries: tuple[Entry, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` are in the order of the table's columns; None where the row has no such field."""

    key: str
    pointer: str
    written: Written | None
    cells: tuple[Entry | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`total` rows of which those from `first` on are here; `left_out` columns aren't."""

    kind: ClassVar[str] = "table"
    pointer: str
    columns: tuple[str, ...]
    left_out: int
    rows: tuple[Row, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class Element:
    kind: ClassVar[str] = "element"
    pointer: str
    tag: str
    attributes: tuple[tuple[str, Words], ...]
    children: Branch


@dataclass(frozen=True, slots=True)
class Opaque:
    kind: ClassVar[str] = "opaque"
    text: str


Entries: TypeAlias = "Sequence[tuple[str | int, Node]]"
Branch: TypeAlias = "Value | Fields | Table | Prose | Element | Opaque"


def tree(node: Node, path: Path = (), marks: Marks = NO_MARKS, *, first: int = 0) -> Branch:
    """What lies at the path, as far as it is shown: from its entry `first` on."""
    if not path and isinstance(node, MapNode):  # what a table says of itself comes after its rows
        node = MapNode(tuple(sorted(node.entries, key=lambda entry: entry[0] == "meta")))
    return _Drawing(marks).branch(node, path, first, SHOWN, DEEPEST)


class _Drawing:
    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def branch(self, node: Node, path: Path, first: int, shown: int, depth: int) -> Branch:
        match node:
            case TextNode(runs):
                return prose(runs, pointer_of(path), self._marks)
            case OpaqueNode(description):
                return Opaque(description)
            case ElementNode(tag, attributes, children):
                within = self._fields(path, "children", list(enumerate(children)), first, shown, depth)
                named = tuple((name, value_words(value.value)) for name, value in attributes)
                return within if tag is None else Element(pointer_of(path), tag, named, within)
        entries = _entries(node)
        if entries is None or depth == 0:
            return Value(value_words(_plain(node)))
        if path and _is_table(entries, fewest=1 if len(path) == 1 else FEWEST_ROWS):
            return self._table(path, entries, first, shown)
        return self._fields(path, _name_of(node), entries, first, shown, depth)

    def _fields(
        self,
        path: Path,
        of: str,
        entries: Entries,
        first: int,
        shown: int,
        depth: int,
    ) -> Fields:
        drawn = tuple(self._entry(path, key, node, depth) for key, node in entries[first : first + shown])
        return Fields(pointer_of(path), of, drawn, first, len(entries))

    def _entry(self, path: Path, key: str | int, node: Node, depth: int) -> Entry:
        place = (*path, key)
        pointer = pointer_of(place)
        # The roots of a document are what one looks at; what lies in a field is secondary.
        shown = SHOWN if not path else SHOWN_WITHIN
        branch = self.branch(node, place, 0, shown, depth - 1)
        return Entry(str(key), pointer, branch, self._marks.of(pointer))

    def _table(self, path: Path, entries: Entries, first: int, shown: int) -> Table:
        drawn = [(key, dict(_entries(node) or ())) for key, node in entries[first : first + shown]]
        names = _columns(fields for _, fields in drawn)
        columns = names[:COLUMNS]
        rows = tuple(self._row((*path, key), fields, columns) for key, fields in drawn)
        return Table(pointer_of(path), columns, len(names) - len(columns), rows, first, len(entries))

    def _row(self, path: Path, fields: dict[str | int, Node], columns: Sequence[str]) -> Row:
        pointer = pointer_of(path)
        cells = [self._cell((*path, name), fields[name]) if name in fields else None for name in columns]
        return Row(str(path[-1]), pointer, self._marks.of(pointer), tuple(cells))

    def _cell(self, path: Path, node: Node) -> Entry:
        pointer = pointer_of(path)
        return Entry(str(path[-1]), pointer, Value(value_words(_plain(node))), self._marks.of(pointer))


def _entries(node: Node) -> Entries | None:
    """What a node holds by key or index, also a plain object or list; None for a single value."""
    match node:
        case MapNode(entries):
            return entries
        case ListNode(items):
            return list(enumerate(items))
        case LeafNode(_, dict() as value) if value and TAG not in value:
            return [(str(key), leaf(item)) for key, item in value.items()]
        case LeafNode(_, list() as value) if any(isinstance(item, dict | list) for item in value):
            return [(index, leaf(item)) for index, item in enumerate(value)]
    return None


def _is_table(entries: Entries, *, fewest: int) -> bool:
    """Whether each entry holds fields by name, so that all of them are read as rows."""
    return len(entries) >= fewest and all(_has_fields(node) for _, node in entries)


def _has_fields(node: Node) -> bool:
    match node:
        case MapNode():
            return True
        case LeafNode(_, dict() as value):
            return TAG not in value
    return False


def _columns(rows: Iterable[dict[str | int, Node]]) -> tuple[str, ...]:
    """Names of fields: `name` first, then those that most rows have, then by the alphabet."""
    counts = Counter(str(name) for fields in rows for name in fields)
    return tuple(sorted(counts, key=lambda name: (name != "name", -counts[name], name)))


def _name_of(node: Node) -> str:
    match node:
        case MapNode():
            return "map"
        case ListNode() | LeafNode(_, list()):
            return "array"
    return "object"


def _plain(node: Node) -> object:
    """The value of a leaf; of what isn't drawn where it stands, how much there is."""
    match node:
        case TextNode():
            return node.text
        case LeafNode(_, value):
            return value
        case MapNode(within) | ListNode(within):
            return f"{len(within)} entries"
    return None
