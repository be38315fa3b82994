"""The CRDT state of one document: takes updates, says what each one meant, answers what a side lacks.

Updates come in from the room (clients) and from the log (loading); state vectors, diffs and plain
values go out. With `plain`, the only module of the server that knows pycrdt. Knows no room, no log.

pycrdt gets an update only when everything that it builds on is there. Left to itself, pycrdt 0.14
(yrs 0.28) drops a deletion of content that has not come yet, forgets what waited for a gap when
something later jumps over it, and leaves all that waits out of a diff. An update that has to wait is
kept here as the bytes that came, and is part of every answer.

From the first update on that pycrdt can't read (an XmlHook) or writes otherwise than it came (a bigint
becomes a number, a sub-document loses its options), answers are made of the bytes that came.

Where an edit cuts a surrogate pair in two, Yjs puts U+FFFD for each half, and yrs counts clocks
differently from there on; so the pair is replaced before pycrdt sees the cut.

It is long because these three are one state: what waits, what is kept as it came, and what pycrdt holds
must change together, or a state vector names what no answer contains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from pycrdt import Doc, TransactionEvent, get_update

from webhost_sync.errors import TooLarge
from webhost_sync.sync.nesting import MAX_DEPTH, Nesting
from webhost_sync.sync.parts import EMPTY_UPDATE, Part, Range, contains, merge, ranges
from webhost_sync.sync.plain import plain, shared_root
from webhost_sync.sync.protocol import decode_state_vector, encode_state_vector
from webhost_sync.sync.update import (
    RootKind,
    UpdateSummary,
    covers,
    halved_pairs,
    is_ready,
    read_update,
    without_pairs,
)

EMPTY_STATE_VECTOR = b"\x00"


class BrokenDocument(Exception):
    """An update was well formed and made no sense; the state in memory may have taken half of it.

    `update` is the one that did it: the one that came, or one that had waited for it.
    """

    def __init__(self, update: bytes, reason: str) -> None:
        super().__init__(reason)
        self.update = update


class Outcome(Enum):
    """What an update meant to the document that took it."""

    CHANGED = auto()
    NOTHING_NEW = auto()
    GAP = auto()
    """It depends on content that is not here; it is kept, and whoever sent it should be asked for more."""
    UNSUPPORTED = auto()
    """It is well formed, but pycrdt can't read it; it is kept and passed on as it came."""


@dataclass(frozen=True, slots=True)
class Applied:
    """`part` are the bytes that came, to be merged with others."""

    outcome: Outcome
    client_ids: tuple[int, ...]
    part: Part


@dataclass(frozen=True, slots=True)
class _Kept:
    part: Part
    summary: UpdateSummary


class Document:
    """One document in memory.

    Invariants:
    1. The same updates in any order, any number of times, give an equal document.
    2. A side with state vector `v` that takes `diff(v)`, and everything that is applied later, is equal.
    3. After `BrokenDocument` nothing of it may be used; it has to be rebuilt from the log.
    """

    def __init__(self, client_id: int) -> None:
        """`client_id` is our own writer number; 32 bits as in Yjs, where pycrdt would draw 53."""
        self._client_id = client_id
        self._kept: list[_Kept] = []
        self._pairs: set[tuple[int, int]] = set()
        self._roots: dict[str, RootKind] = {}
        self._nesting = Nesting()
        self._base = EMPTY_UPDATE
        self._as_it_came: list[Part] | None = None
        self._start(Doc(client_id=client_id))

    def close(self) -> None:
        """Free the native memory, which an observer would keep alive."""
        self._doc.unobserve(self._subscription)

    @property
    def kept(self) -> tuple[bytes, ...]:
        """Updates that are not part of the state: gaps, and what pycrdt can't read."""
        return tuple(kept.part.update for kept in self._kept)

    @property
    def is_lossy(self) -> bool:
        """Whether pycrdt would write something of it otherwise than it came, or can't read it."""
        return self._as_it_came is not None

    @property
    def is_exact(self) -> bool:
        """Whether `encode()` says all that came, so that it may stand in its place."""
        return not self._kept and not self.is_lossy

    def apply(self, update: bytes, summary: UpdateSummary | None = None, *, may_wait: bool = True) -> Applied:
        """Take one update; `may_wait` says whether it may be kept when what it builds on is missing.

        `summary` is what `read_update` says of it, where it was read already.
        Raises: MalformedUpdate, TooLarge (it would have to wait): nothing has changed; BrokenDocument.
        """
        summary = summary or read_update(update)
        outcome = self._judge(summary, self._clocks)
        # One that waits would make all that is merged with it wait, whenever the log is read again.
        part = Part(update, outcome is Outcome.CHANGED and not summary.has_lossy)
        if outcome is Outcome.CHANGED:
            outcome = self._take(part, summary)
        elif outcome is not Outcome.NOTHING_NEW:
            outcome = self._keep(part, summary, outcome, may_wait)
        return Applied(outcome, tuple(summary.client_ids), part)

    def apply_all(self, updates: Iterable[bytes]) -> None:
        """Take updates in this order, as `apply` does, those that have nothing special about them together:
        a long log in half of the time.

        Raises: MalformedUpdate; BrokenDocument, whose update may be another one than the one that did it.
        Invariant 3 holds after either.
        """
        together: list[bytes] = []
        clocks = dict(self._clocks)
        for update in updates:
            summary = read_update(update)
            if self._is_plain(clocks, summary):
                self._add_depths(update, summary)
                self._pairs.update(summary.pairs)
                self._note_roots(summary)
                clocks.update((client, max(end, clocks.get(client, 0))) for client, _, end in summary.structs)
                together.append(update)
            else:
                self._integrate_together(together, clocks)
                together = []
                self.apply(update, summary)
                clocks = dict(self._clocks)
        self._integrate_together(together, clocks)

    def set_aside(self, update: bytes) -> None:
        """Keep an update that is known to break the document, without ever giving it to pycrdt."""
        summary = replace(read_update(update), has_unsupported=True)
        self._keep(Part(update, False), summary, Outcome.UNSUPPORTED, may_wait=True)

    def brings_news(self, update: bytes) -> bool:
        """Whether applying would change anything, found without applying. Raises: MalformedUpdate."""
        return self._has_news(read_update(update))

    def state_vector(self) -> bytes:
        """What this side holds, carried on through kept updates that follow without a hole."""
        if not self._kept:
            return self._integrated
        clocks = dict(self._clocks)
        for client, first, end in sorted(self._kept_structs()):
            if first <= clocks.get(client, 0) < end:
                clocks[client] = end
        return encode_state_vector(clocks)

    def diff(self, state_vector: bytes) -> tuple[bytes, ...]:
        """The updates that a side with `state_vector` lacks; one, unless some can't be merged.

        Raises: ProtocolError when the state vector can't be decoded.
        """
        decode_state_vector(state_vector)
        if self._as_it_came is not None:
            return merge([Part(get_update(self._base, state_vector), True), *self._as_it_came])
        state = Part(self._doc.get_update(state_vector), True)
        return merge([*(kept.part for kept in self._kept), state])

    def integrated_diff(self, state_vector: bytes) -> bytes:
        """The diff as one update: without what waits, and as pycrdt writes it. Raises: as `diff`."""
        decode_state_vector(state_vector)
        return self._doc.get_update(state_vector)

    def held_bytes(self) -> int:
        """How large it is: the state, and what is kept beside it as it came."""
        beside = (kept.part for kept in self._kept) if self._as_it_came is None else self._as_it_came
        return len(self.encode()) + sum(len(part.update) for part in beside)

    def encode(self) -> bytes:
        """The state as one update. Where it `is_exact` it replaces every update that made it."""
        return self._doc.get_update()

    @property
    def root_kinds(self) -> dict[str, RootKind]:
        """What the content of each root looks like, as far as it was ever seen."""
        return dict(self._roots)

    def values(self) -> dict[str, object]:
        """The roots as plain values: dict, list, str, int, float, bool, None, bytes.

        A root's type is not on the wire, so it is taken from how its content was written.
        """
        return {name: self.root(name, kind) for name, kind in sorted(self._roots.items())}

    def root(self, name: str, kind: RootKind) -> object:
        """One root as plain values, read as the given kind."""
        return plain(shared_root(self._doc, name, kind))

    def _start(self, doc: Doc[Any]) -> None:
        self._doc = doc
        self._subscription = doc.observe(self._on_change)
        self._note_state()

    def _note_state(self) -> None:
        """After each change note once what is integrated; where many have written it is long to read."""
        self._integrated = self._doc.get_state()
        self._clocks = decode_state_vector(self._integrated)

    def _on_change(self, event: TransactionEvent) -> None:
        self._fired = True

    def _is_plain(self, clocks: dict[int, int], summary: UpdateSummary) -> bool:
        """Whether pycrdt can be given it as it is by a document at `clocks`, and nothing follows from it."""
        return not (
            self._kept
            or self._as_it_came is not None
            or summary.has_lossy
            or self._judge(summary, clocks) is not Outcome.CHANGED
            or halved_pairs(self._pairs, summary)
        )

    def _judge(self, summary: UpdateSummary, clocks: dict[int, int]) -> Outcome:
        if summary.is_empty:
            return Outcome.NOTHING_NEW
        if summary.has_unsupported:
            return Outcome.UNSUPPORTED
        return Outcome.CHANGED if is_ready(clocks, summary) else Outcome.GAP

    def _take(self, part: Part, summary: UpdateSummary) -> Outcome:
        if summary.has_lossy:
            self._answer_as_it_came()
        if not self._integrate(part.update, summary):
            return Outcome.NOTHING_NEW
        if self._as_it_came is not None:
            self._as_it_came.append(part)
        if self._kept:
            self._integrate_what_waited()
        return Outcome.CHANGED

    def _answer_as_it_came(self) -> None:
        """From now on keep what comes, to answer with it."""
        if self._as_it_came is None:
            self._base = self._doc.get_update()
            self._as_it_came = [kept.part for kept in self._kept]

    def _integrate_what_waited(self) -> None:
        """Apply kept updates whose causes have come, each of which may be the cause of another."""
        waiting = True
        while waiting:
            ready = [
                k for k in self._kept if not k.summary.has_unsupported and is_ready(self._clocks, k.summary)
            ]
            for kept in ready:
                self._integrate(kept.part.update, kept.summary)
                self._kept.remove(kept)
            waiting = bool(ready)

    def _integrate(self, update: bytes, summary: UpdateSummary) -> bool:
        """Give the update to pycrdt; whether it changed anything. Raises: BrokenDocument."""
        self._add_depths(update, summary)
        try:
            halved = halved_pairs(self._pairs, summary)
            if halved:
                self._replace_pairs(halved)
            self._pairs.update(summary.pairs)
            self._pairs -= halved
            self._fired = False
            self._doc.apply_update(without_pairs(update, halved) if halved else update)
            self._note_state()
        except BaseException as error:
            if (broken := _broken_by(update, error)) is None:
                raise
            raise broken from error
        if not covers(self._clocks, summary):
            raise BrokenDocument(update, "it was ready and was not taken whole")
        self._note_roots(summary)
        return self._fired

    def _integrate_together(self, updates: list[bytes], clocks: dict[int, int]) -> None:
        """Give plain updates to pycrdt as one transaction, after which it is at `clocks`."""
        if not updates:
            return
        try:
            with self._doc.transaction():
                for update in updates:
                    self._doc.apply_update(update)
            self._note_state()
        except BaseException as error:
            if (broken := _broken_by(updates[-1], error)) is None:
                raise
            raise broken from error
        if self._clocks != clocks:
            raise BrokenDocument(updates[-1], "it, or one before it, was ready and was not taken whole")

    def _add_depths(self, update: bytes, summary: UpdateSummary) -> None:
        """Raises: BrokenDocument (too deep, or in a circle)."""
        try:
            depth = self._nesting.add(summary.places)
        except ValueError as error:
            raise BrokenDocument(update, str(error)) from error
        if depth > MAX_DEPTH:
            raise BrokenDocument(update, f"types nested more than {MAX_DEPTH} deep")

    def _note_roots(self, summary: UpdateSummary) -> None:
        for name, kind in summary.roots.items():
            self._roots[name] = max(kind, self._roots.get(name, kind))

    def _replace_pairs(self, halved: frozenset[tuple[int, int]]) -> None:
        before = self._clocks
        state = without_pairs(self._doc.get_update(), halved)
        self.close()
        self._start(Doc(client_id=self._client_id))
        self._doc.apply_update(state)
        self._note_state()
        if self._clocks != before:
            raise ValueError("the state can't be read back whole")

    def _keep(self, part: Part, summary: UpdateSummary, outcome: Outcome, may_wait: bool) -> Outcome:
        """Hold the bytes beside the state, unless all of it is held already."""
        if not self._has_news(summary):
            return Outcome.NOTHING_NEW
        if not may_wait:
            raise TooLarge("too many updates of this document wait for what they build on")
        if outcome is Outcome.UNSUPPORTED:
            self._answer_as_it_came()
        self._kept.append(_Kept(part, summary))
        if self._as_it_came is not None:
            self._as_it_came.append(part)
        return outcome

    def _has_news(self, summary: UpdateSummary) -> bool:
        integrated = [(client, 0, clock) for client, clock in self._clocks.items()]
        if not contains([*integrated, *self._kept_structs()], summary.structs):
            return True
        # A diff against the own state vector holds no structs, but every deletion.
        deleted = read_update(self._doc.get_update(self._integrated)).deletes
        return not contains([*ranges(deleted), *self._kept_deletes()], ranges(summary.deletes))

    def _kept_structs(self) -> list[Range]:
        return [part for kept in self._kept for part in kept.summary.structs]

    def _kept_deletes(self) -> list[Range]:
        return [part for kept in self._kept for part in ranges(kept.summary.deletes)]


def _broken_by(update: bytes, error: BaseException) -> BrokenDocument | None:
    """What an error says of the update; None where it isn't about the update. A panic of the native library
    is no Exception."""
    if isinstance(error, Exception):
        return BrokenDocument(update, str(error))
    is_panic = type(error).__name__ == "PanicException"
    return BrokenDocument(update, "it made the library panic") if is_panic else None
