"""Reads the contents of items: what an update puts into a document, one kind after another.

A reader at the content of an item comes in; its length in clocks and what it tells about its root go
out. What else is found on the way is noted in `Findings`. Knows no structs and no document.

The kinds are those of Yjs 13.6 (`structs/Content*.js`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from webhost_sync.sync.lib0 import OBJECT, Reader

MAX_CLOCK = 2**32 - 1
"""The last clock of a client: yrs counts with 32 bits."""

DELETED = 1
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
class Text:
    """Text with surrogate pairs: where its string starts and ends in the update, and its first place."""

    start: int
    end: int
    client: int
    clock: int
    characters: str

    def pairs(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield the index of each character that is a pair, and the place between its halves."""
        clock = self.clock
        for index, character in enumerate(self.characters):
            clock += 1
            if character > "\uffff":
                yield index, (self.client, clock)
                clock += 1


Place = tuple[int, int, int, int, int]
"""(client, clock) of an item; (client, clock) of the item that it lies beside or in, the clock -1 for a
root; and how many levels it lies below that: 0 or 1."""


@dataclass(slots=True)
class Findings:
    """What the contents of an update told besides their length, and where the reading has come to."""

    client: int = 0
    clock: int = 0
    roots: dict[str, RootKind] = field(default_factory=dict)
    causes: dict[int, int] = field(default_factory=dict)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    long_entries: list[tuple[int, int, int]] = field(default_factory=list)
    has_unsupported: bool = False
    has_lossy: bool = False

    def add_root(self, name: str, kind: RootKind) -> None:
        self.roots[name] = max(kind, self.roots.get(name, RootKind.UNKNOWN))


def read_content(reader: Reader, findings: Findings, kind: int) -> tuple[int, RootKind]:
    """Read the content of an item and return its length and the kind of root that holds such items."""
    if not DELETED <= kind < len(_CONTENTS):
        raise reader.error(f"unknown kind of content {kind}")
    return _CONTENTS[kind](reader, findings)


def read_length(reader: Reader) -> int:
    """Read how many clocks something takes: at least one."""
    length = reader.read_uint()
    if not 0 < length <= MAX_CLOCK:
        raise reader.error(f"a length of {length}")
    return length


def _read_deleted(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    return read_length(reader), RootKind.UNKNOWN


def _read_json(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    """Read the values of an old array or map: JSON texts, or the word undefined."""
    length = read_length(reader)
    for _ in range(length):
        reader.read_json(or_undefined=True)
    findings.has_unsupported = True
    return length, RootKind.ARRAY


def _read_binary(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    reader.take(reader.read_uint())
    return 1, RootKind.ARRAY


def _read_text(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    """Read text; its length counts UTF-16 units, as JavaScript does."""
    start = reader.position
    text = reader.read_string()
    if not text:
        raise reader.error("an empty text")
    if text.isascii():
        return len(text), RootKind.TEXT
    units = len(text.encode("utf-16-le")) // 2
    if units > len(text):
        found = Text(start, reader.position, findings.client, findings.clock, text)
        findings.texts.append(found)
        findings.pairs.extend(place for _, place in found.pairs())
    return units, RootKind.TEXT


def _read_embed(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    _read_json_value(reader, findings)
    return 1, RootKind.TEXT


def _read_format(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    reader.read_string()
    _read_json_value(reader, findings)
    return 1, RootKind.TEXT


def _read_json_value(reader: Reader, findings: Findings) -> None:
    text = reader.read_json()
    if _ODD_JSON.search(text):
        try:
            json.dumps(json.loads(text, parse_int=float), ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            findings.has_unsupported = True


def _read_type(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    kind = reader.read_uint()
    if kind > XML_TEXT:
        raise reader.error(f"unknown kind of type {kind}")
    if kind in (XML_ELEMENT, XML_HOOK):
        reader.read_string()
    if kind == XML_HOOK:
        findings.has_unsupported = True
    return 1, RootKind.XML_FRAGMENT if kind >= XML_ELEMENT else RootKind.ARRAY


def _read_any(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    length = read_length(reader)
    for _ in range(length):
        reader.skip_any()
    findings.has_lossy |= reader.has_bigint
    return length, RootKind.ARRAY


def _read_document(reader: Reader, findings: Findings) -> tuple[int, RootKind]:
    reader.read_string()
    if reader.skip_any() != OBJECT:
        raise reader.error("options of a document that are no object")
    findings.has_lossy = True
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
