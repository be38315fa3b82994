"""Reads what a Yjs V1 update contains without applying it.

The bytes of one update come in; an `UpdateSummary` goes out, or one `MalformedUpdate`. Every byte is
read, because Yjs, yrs and pycrdt answer bad bytes with wild allocations, panics or silence. What passes
is well-formed and may still make no sense (an item inside a number): whoever applies it must expect an
exception, and a document that took half of it. Knows no document: `is_ready` and `covers` are told how
far one is by its state vector.

An update is its structs grouped by client, then the deleted ranges grouped by client. The format is
that of Yjs 13.6 (`encoding.js`, `structs/Item.js`, `DeleteSet.js`); clocks are limited to the 32
bits of yrs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Set
from dataclasses import dataclass

from webhost_sync.errors import MalformedUpdate, ProtocolError
from webhost_sync.sync.content import DELETED, MAX_CLOCK, Findings, Place, RootKind, read_content, read_length
from webhost_sync.sync.lib0 import Reader, write_string

__all__ = ["RootKind", "UpdateSummary", "covers", "halved_pairs", "is_ready", "read_update", "without_pairs"]

HAS_ORIGIN, HAS_RIGHT_ORIGIN, HAS_PARENT_SUB, CONTENT_KIND = 0x80, 0x40, 0x20, 0x1F
GC, SKIP = 0, 10


@dataclass(frozen=True, slots=True)
class UpdateSummary:
    """What an update brings.

    `structs` are ranges (client, first clock, end clock), the end not included, in the update's order;
    `deletes` are ranges (client, clock, length); `roots` are the named types that items of this update
    were put into directly; `causes` are pairs (client, end clock) that the items of other clients refer to.
    `pairs` are the places (client, clock) between the halves of each surrogate pair of its text, and `cuts`
    the places at which its items go between or behind others. `places` tells what each item lies beside or
    in; those that lie beside the item right before them, of the same client, are left out.

    `has_unsupported` is true when pycrdt 0.14 can't apply the update although Yjs can. yrs misreads an
    XmlHook and the JSON lists of early Yjs, at times without an error, and refuses JSON that contains
    half a surrogate pair or a number beyond a double. `has_lossy` is true when pycrdt applies the update but
    writes something else, also in `merge_updates`: a bigint becomes a rounded number, and a document in a
    document loses its options. Who must serve such updates unchanged serves the bytes that arrived.
    """

    structs: tuple[tuple[int, int, int], ...]
    deletes: tuple[tuple[int, int, int], ...]
    causes: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int], ...]
    cuts: tuple[tuple[int, int], ...]
    places: tuple[Place, ...]
    roots: dict[str, RootKind]
    has_unsupported: bool
    has_lossy: bool

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
    structs, deletes, findings = _read(update)
    return UpdateSummary(
        structs=tuple(structs),
        deletes=tuple(deletes),
        causes=tuple(findings.causes.items()),
        pairs=tuple(findings.pairs),
        cuts=tuple(findings.cuts),
        places=tuple(findings.places),
        roots=findings.roots,
        has_unsupported=findings.has_unsupported,
        has_lossy=findings.has_lossy,
    )


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


def halved_pairs(pairs: Set[tuple[int, int]], summary: UpdateSummary) -> frozenset[tuple[int, int]]:
    """Return which surrogate pairs the update cuts in two, of its own text or of `pairs` known before.

    Yjs then puts U+FFFD in place of each half. yrs 0.28 keeps the pair on one side instead and counts
    clocks differently from there on. So before it applies such an update, a document must be made anew
    from `without_pairs` of its state, and then take `without_pairs` of the update.
    """
    deletes = ((client, at) for client, clock, length in summary.deletes for at in (clock, clock + length))
    own = frozenset(summary.pairs)
    return frozenset(cut for cut in (*summary.cuts, *deletes) if cut in own or cut in pairs)


def without_pairs(update: bytes, halved: Set[tuple[int, int]]) -> bytes:
    """Return the update with U+FFFD in place of both halves of the given pairs; no clock changes.

    Raises MalformedUpdate.
    """
    _, _, findings = _read(update)
    parts: list[bytes] = []
    done = 0
    for text in findings.texts:
        characters = list(text.characters)
        for index, place in text.pairs():
            if place in halved:
                characters[index] = "\ufffd\ufffd"
        parts += (update[done : text.start], write_string("".join(characters)))
        done = text.end
    return b"".join((*parts, update[done:]))


def _read(update: bytes) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]], Findings]:
    """Read structs, deletes and what else there is to know, to the last byte."""
    reader, findings = Reader(update), Findings()
    try:
        structs = _read_structs(reader, findings)
        deletes = _read_deletes(reader)
        if reader.remaining:
            raise reader.error("more bytes than an update has")
        _check_long_entries(reader, findings, deletes)
    except ProtocolError as fault:
        raise MalformedUpdate(fault.detail, **fault.fields) from fault
    return structs, deletes, findings


def _read_structs(reader: Reader, findings: Findings) -> list[tuple[int, int, int]]:
    ranges: list[tuple[int, int, int]] = []
    clients: set[int] = set()
    for _ in range(reader.read_uint()):
        count = reader.read_uint()
        client = reader.read_uint()
        if client in clients:
            # Yjs would keep the second group only, yrs both.
            raise reader.error("a second group of structs of one client")
        clients.add(client)
        findings.client = client
        first = clock = reader.read_uint()
        for _ in range(count):
            findings.clock = clock
            info = reader.read_byte()
            if info == SKIP:
                if first < clock:
                    ranges.append((client, first, clock))
                first = clock = clock + read_length(reader)
            else:
                clock += read_length(reader) if info == GC else _read_item(reader, findings, info)
            if clock > MAX_CLOCK:
                raise reader.error("a clock above 32 bits")
        if first < clock:
            ranges.append((client, first, clock))
    return ranges


def _read_item(reader: Reader, findings: Findings, info: int) -> int:
    """Read one item behind its info byte and return its length."""
    root, steps, near = None, 0, (findings.client, -1)
    if info & HAS_PARENT_SUB and info & HAS_RIGHT_ORIGIN:
        # A value follows the one that it overwrites; nothing stands to the right of it.
        raise reader.error("a map entry with a right origin")
    if info & HAS_ORIGIN:
        # The item stands behind its origin and before its right origin: that is where it cuts.
        near = client, clock = _read_cause(reader, findings)
        findings.cuts.append((client, clock + 1))
    if info & HAS_RIGHT_ORIGIN:
        right = _read_cause(reader, findings)
        findings.cuts.append(right)
        near = near if info & HAS_ORIGIN else right
    if not info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN):
        # Only an item without neighbours says where it belongs; the others belong where these do.
        steps = 1
        parent = reader.read_uint()
        if parent == 1:
            root = reader.read_string()
        elif parent == 0:
            near = _read_cause(reader, findings)
        else:
            raise reader.error(f"unknown kind of parent {parent}")
        if info & HAS_PARENT_SUB:
            reader.read_string()
    if steps or near != (findings.client, findings.clock - 1):
        findings.places.append((findings.client, findings.clock, *near, steps))
    length, kind = read_content(reader, findings, info & CONTENT_KIND)
    if root is not None:
        findings.add_root(root, RootKind.MAP if info & HAS_PARENT_SUB else kind)
    if length > 1 and info & HAS_PARENT_SUB and info & CONTENT_KIND != DELETED:
        findings.long_entries.append((findings.client, findings.clock, findings.clock + length))
    return length


def _read_cause(reader: Reader, findings: Findings) -> tuple[int, int]:
    """Read the id of an item that must be there before this one."""
    client, clock = reader.read_uint(), reader.read_uint()
    if clock >= (findings.clock if client == findings.client else MAX_CLOCK):
        raise reader.error("an item that comes before its own cause")
    if client != findings.client and clock >= findings.causes.get(client, 0):
        findings.causes[client] = clock + 1
    return client, clock


def _check_long_entries(reader: Reader, findings: Findings, deletes: list[tuple[int, int, int]]) -> None:
    """Refuse a map entry of several values that is not deleted as a whole by the same update.

    Yjs merges the overwritten values of a key, and only these. With live ones yrs 0.28 loses track of
    who owns the rest when the entry is cut: it reads freed memory, and the process dies.
    """
    if not findings.long_entries:
        return
    starts = sorted((client, clock, clock + length) for client, clock, length in deletes)
    for client, clock, end in findings.long_entries:
        at = bisect_right(starts, (client, clock, MAX_CLOCK + 1)) - 1
        if at < 0 or starts[at][0] != client or starts[at][2] < end:
            raise reader.error("a map entry of several live values")


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
            length = read_length(reader)
            if clock + length > MAX_CLOCK:
                raise reader.error("a clock above 32 bits")
            deletes.append((client, clock, length))
    return deletes
