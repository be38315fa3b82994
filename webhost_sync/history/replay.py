"""A past state of a document: what a checkpoint and the rows after it come to.

Checkpoints and rows of the log in, states out, in one thread: pycrdt's objects belong to the thread that
made them. The states are plain bytes, and can be kept and built on. Knows no store and no live document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from store.contract import CorruptDocument, LoggedUpdate
from webhost_sync.errors import MalformedUpdate
from webhost_sync.history.content import joint_kinds
from webhost_sync.sync.content import RootKind
from webhost_sync.sync.document import BrokenDocument, Document
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.update import read_update

MAX_ASIDE = 20
"""Updates that break the document, and are left out as its room leaves them out."""


@dataclass(frozen=True, slots=True)
class State:
    """A document after the row `seq`.

    `update` is all that is integrated, as one update; `kept` are updates that wait for their causes or
    that pycrdt can't read. `is_lossy` where `update` says something otherwise than it came, or not all.
    """

    seq: int
    update: bytes
    kept: tuple[bytes, ...] = ()
    kinds: Mapping[str, RootKind] = field(default_factory=dict)
    is_lossy: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether something can be built on `update` alone."""
        return not self.kept and not self.is_lossy

    @property
    def size(self) -> int:
        return len(self.update) + sum(map(len, self.kept))


NOTHING = State(0, EMPTY_UPDATE)
"""Every document before its first update."""


def advance(
    base: State, rows: Sequence[LoggedUpdate], *, document_id: int, is_wanted: Callable[[int], bool]
) -> tuple[State, ...]:
    """The states after each row that is wanted, and the last one, which is `base` where there are no rows.

    `rows` follow on `base`. Raises: CorruptDocument (a row is no update).
    """
    try:
        return tuple(_states(base, rows, is_wanted, Document.apply_all))
    except (BrokenDocument, MalformedUpdate):
        return _advance_singly(base, rows, document_id, is_wanted)


def _advance_singly(
    base: State, rows: Sequence[LoggedUpdate], document_id: int, is_wanted: Callable[[int], bool]
) -> tuple[State, ...]:
    """As `advance`, row by row, which takes longer and tells which of them breaks the document."""
    aside: frozenset[bytes] = frozenset()

    def apply_each(document: Document, updates: Iterable[bytes]) -> None:
        for update in updates:
            if update in aside:
                document.set_aside(update)
            else:
                document.apply(update)

    while True:
        try:
            return tuple(_states(base, rows, is_wanted, apply_each))
        except BrokenDocument as broken:
            if len(aside) >= MAX_ASIDE:
                raise CorruptDocument(document_id, 0, "update", str(broken)) from broken
            aside |= {broken.update}
        except MalformedUpdate as error:
            raise CorruptDocument(document_id, _malformed(base, rows), "update", str(error)) from error


def _states(
    base: State,
    rows: Sequence[LoggedUpdate],
    is_wanted: Callable[[int], bool],
    apply: Callable[[Document, Iterable[bytes]], None],
) -> Iterator[State]:
    with closing(Document(client_id=0)) as document:
        apply(document, (base.update, *base.kept))
        if not rows:
            yield _state(base.seq, document, base)
        start = 0
        for end, row in enumerate(rows, 1):
            if end == len(rows) or is_wanted(row.seq):
                apply(document, (each.payload for each in rows[start:end]))
                yield _state(row.seq, document, base)
                start = end


def _malformed(base: State, rows: Iterable[LoggedUpdate]) -> int:
    """The seq of what is no update."""
    for seq, update in ((base.seq, base.update), *((row.seq, row.payload) for row in rows)):
        try:
            read_update(update)
        except MalformedUpdate:
            return seq
    return base.seq


def _state(seq: int, document: Document, base: State) -> State:
    # A state tells less of its roots than the updates that made it.
    kinds = joint_kinds(base.kinds, document.root_kinds)
    return State(seq, document.encode(), document.kept, kinds, base.is_lossy or document.is_lossy)
