"""Reads what a Yjs V1 update contains without applying it.

The bytes of one update come in; an `UpdateSummary` goes out, or one `MalformedUpdate`. Every byte is
read: what passes here can be stored in the log and handed to any Yjs, yrs or pycrdt, which answer bad
bytes with wild allocations, panics or silence. Knows no document: `is_ready` and `covers` are told how
far one is by its state vector.

An update is its structs grouped by client, then the deleted ranges grouped by client. The format is
that of Yjs 13.6 (`encoding.js`, `structs/Content*.js`, `DeleteSet.js`); clocks are limited to the 32
bits of yrs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from webhost_sync.errors import MalformedUpdate, ProtocolError
from webhost_sync.sync.lib0 import OBJECT, Reader

MAX_CLOCK = 2**32 - 1

HAS_ORIGIN, HAS_RIGHT_ORIGIN, HAS_PARENT_SUB, CONTENT_KIND = 0x80, 0x40, 0x20, 0x1F
GC, SKIP = 0, 10
XML_ELEMENT, XML_HOOK, XML_TEXT = 3, 5, 6

_ODD_JSON = re.compile(r"\\u[dD]|\d[eE]|\d{300}")
"""What JSON must contain to be beyond pycrdt: half a surrogate pair or a number beyond a double."""


class RootKind(IntEnum):
    """What a root looks like from the items in it; where they disagree, the highest wins.

    Deleted content looks like nothing, and an array is what nothing speaks against.
    """

    UNKNOWN = 0
    ARRAY = 1
    MAP = 2
    TEXT = 3
    XML_FRAGMENT = 4


@dataclass(frozen=True, slots=True)
class UpdateSummary:
    """What an update brings.

    `structs` are ranges (client, first clock, end clock), the end not included, in the update's order;
    `deletes` are ranges (client, clock, length); `roots` are the named types that items of this update
    were put into directly; `causes` are pairs (client, end clock) that the items of other clients refer to.

    `has_unsupported` is true when pycrdt 0.14 can't apply the update although Yjs can. yrs misreads an
    XmlHook and the JSON lists of early Yjs, at times without an error, and refuses JSON that contains
    half a surrogate pair or a number beyond a double.
    """

    structs: tuple[tuple[int, int, int], ...]
    deletes: tuple[tuple[int, int, int], ...]
    causes: tuple[tuple[int, int], ...]
    roots: dict[str, RootKind]
    has_unsupported: bool

    @property
    def client_ids(self) -> frozenset[int]:
        """The clients whose changes the update brings; those it only deletes from are not among them."""
        return frozenset(client for client, _, _ in self.structs)

    @property
    def is_empty(self) -> bool:
        """Whether applying the update can change nothing anywhere."""
        return not self.structs and not self.deletes


def read_update(update: bytes) -> UpdateSummary:
    """Read one V1 update to its last byte.

    Raises MalformedUpdate when it is none. Time and memory are linear in the bytes given.
    """
    reader, findings = Reader(update), _Findings()
    try:
        structs = _read_structs(reader, findings)
        deletes = _read_deletes(reader)
        if reader.remaining:
            raise reader.error("more bytes than an update has")
    except ProtocolError as fault:
        raise MalformedUpdate(fault.detail, **fault.fields) from fault
    causes = tuple(findings.causes.items())
    return UpdateSummary(tuple(structs), tuple(deletes), causes, findings.roots, findings.has_unsupported)


def is_ready(state_vector: Mapping[int, int], summary: UpdateSummary) -> bool:
    """Tell whether a document at `state_vector` has all that the update builds on.

    Apply nothing else to pycrdt: yrs 0.28 integrates what refers to nothing across a gap in its client's
    clocks, never retries what it had kept for that gap, and panics when a delete falls into it.
    """
    reached = dict(state_vector)
    for client, first, end in summary.structs:
        if first > reached.get(client, 0):
            return False
        reached[client] = max(end, reached.get(client, 0))
    deletes = ((client, clock + length) for client, clock, length in summary.deletes)
    return all(end <= reached.get(client, 0) for client, end in (*summary.causes, *deletes))


def covers(state_vector: Mapping[int, int], summary: UpdateSummary) -> bool:
    """Tell whether a document at `state_vector` has all of the update: nothing of it is pending."""
    return all(end <= state_vector.get(client, 0) for client, _, end in summary.structs) and all(
        clock + length <= state_vector.get(client, 0) for client, clock, length in summary.deletes
    )


@dataclass(slots=True)
class _Findings:
    """What the contents of an update told besides their length."""

    causes: dict[int, int] = field(default_factory=dict)
    roots: dict[str, RootKind] = field(default_factory=dict)
    has_unsupported: bool = False

    def add_root(self, name: str, kind: RootKind) -> None:
        self.roots[name] = max(kind, self.roots.get(name, RootKind.UNKNOWN))


def _read_structs(reader: Reader, findings: _Findings) -> list[tuple[int, int, int]]:
    ranges: list[tuple[int, int, int]] = []
    clients: set[int] = set()
    for _ in range(reader.read_uint()):
        count = reader.read_uint()
        client = reader.read_uint()
        if client in clients:
            # Yjs would keep the second group only, yrs both.
            raise reader.error("a second group of structs of one client")
        clients.add(client)
        first = clock = reader.read_uint()
        for _ in range(count):
            info = reader.read_byte()
            if info == SKIP:
                if first < clock:
                    ranges.append((client, first, clock))
                first = clock = clock + _read_length(reader)
            elif info == GC:
                clock += _read_length(reader)
            else:
                clock += _read_item(reader, findings, info, client, clock)
            if clock > MAX_CLOCK:
                raise reader.error("a clock above 32 bits")
        if first < clock:
            ranges.append((client, first, clock))
    return ranges


def _read_item(reader: Reader, findings: _Findings, info: int, client: int, clock: int) -> int:
    """Read one item behind its info byte and return its length."""
    content = info & CONTENT_KIND
    if content == GC or content >= len(_CONTENTS):
        raise reader.error(f"unknown kind of struct {info}")
    root = None
    if info & HAS_ORIGIN:
        _read_cause(reader, findings, client, clock)
    if info & HAS_RIGHT_ORIGIN:
        _read_cause(reader, findings, client, clock)
    if not info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN):
        # Only an item without neighbours says where it belongs; the others belong where these do.
        parent = reader.read_uint()
        if parent == 1:
            root = reader.read_string()
        elif parent == 0:
            _read_cause(reader, findings, client, clock)
        else:
            raise reader.error(f"unknown kind of parent {parent}")
        if info & HAS_PARENT_SUB:
            reader.read_string()
    length, kind = _CONTENTS[content](reader, findings)
    if root is not None:
        findings.add_root(root, RootKind.MAP if info & HAS_PARENT_SUB else kind)
    return length


def _read_cause(reader: Reader, findings: _Findings, client: int, clock: int) -> None:
    """Read the id of an item that must be there before this one."""
    cause_client, cause_clock = reader.read_uint(), reader.read_uint()
    if cause_clock >= (clock if cause_client == client else MAX_CLOCK):
        raise reader.error("an item that comes before its own cause")
    if cause_client != client and cause_clock >= findings.causes.get(cause_client, 0):
        findings.causes[cause_client] = cause_clock + 1


def _read_length(reader: Reader) -> int:
    length = reader.read_uint()
    if not 0 < length <= MAX_CLOCK:
        raise reader.error(f"a length of {length}")
    return length


def _read_deletes(reader: Reader) -> list[tuple[int, int, int]]:
    deletes: list[tuple[int, int, int]] = []
    clients: set[int] = set()
    for _ in range(reader.read_uint()):
        client = reader.read_uint()
        if client in clients:
            raise reader.error("a second group of deletes of one client")
        clients.add(client)
        for _ in range(reader.read_uint()):
            clock = reader.read_uint()
            length = _read_length(reader)
            if clock + length > MAX_CLOCK:
                raise reader.error("a clock above 32 bits")
            deletes.append((client, clock, length))
    return deletes


def _read_deleted(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    return _read_length(reader), RootKind.UNKNOWN


def _read_json(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    """Read the values of an old array or map: JSON texts, or the word undefined."""
    length = _read_length(reader)
    for _ in range(length):
        reader.read_json(or_undefined=True)
    findings.has_unsupported = True
    return length, RootKind.ARRAY


def _read_binary(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    reader.take(reader.read_uint())
    return 1, RootKind.ARRAY


def _read_text(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    """Read text; its length counts UTF-16 units, as JavaScript does."""
    text = reader.read_string()
    length = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    if length == 0:
        raise reader.error("an empty text")
    return length, RootKind.TEXT


def _read_embed(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    _read_json_value(reader, findings)
    return 1, RootKind.TEXT


def _read_format(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    reader.read_string()
    _read_json_value(reader, findings)
    return 1, RootKind.TEXT


def _read_json_value(reader: Reader, findings: _Findings) -> None:
    text = reader.read_json()
    if _ODD_JSON.search(text):
        try:
            json.dumps(json.loads(text, parse_int=float), ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            findings.has_unsupported = True


def _read_type(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    kind = reader.read_uint()
    if kind > XML_TEXT:
        raise reader.error(f"unknown kind of type {kind}")
    if kind in (XML_ELEMENT, XML_HOOK):
        reader.read_string()
    if kind == XML_HOOK:
        findings.has_unsupported = True
    return 1, RootKind.XML_FRAGMENT if kind >= XML_ELEMENT else RootKind.ARRAY


def _read_any(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    length = _read_length(reader)
    for _ in range(length):
        reader.skip_any()
    return length, RootKind.ARRAY


def _read_document(reader: Reader, findings: _Findings) -> tuple[int, RootKind]:
    reader.read_string()
    if reader.skip_any() != OBJECT:
        raise reader.error("options of a document that are no object")
    return 1, RootKind.ARRAY


_CONTENTS = (
    _read_deleted,
    _read_deleted,
    _read_json,
    _read_binary,
    _read_text,
    _read_embed,
    _read_format,
    _read_type,
    _read_any,
    _read_document,
)
"""How to read the content of an item, by its kind; kind 0 is a collected struct and never an item."""
