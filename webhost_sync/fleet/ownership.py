"""Decides which document's fix becomes the row, where several documents hold the same sequence.

A device whose clock was wrong, or that was restored, may write a fix into the document of another day.
In come the rows that a document deserves and the rows that are there for the same sequences; out goes
what to write, and what is lost to another document. The row belongs to the document whose name sorts
first, whichever was projected first; what differs from it is a conflict of the other document. Pure.

Whenever a document takes a row, changes what one says or gives one up, the other documents of that
track must be projected anew (`is_disturbing`): they find again what they lost, or lose what they had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from store.fleet_contract import FoundPosition, Position


@dataclass(frozen=True, slots=True)
class Settled:
    """`kept` are all rows that are the document's, `changed` those of them that aren't there like that.

    `taken` are sequences that stood there for another document; `conflicts` are rows that lost to one
    with another content.
    """

    kept: tuple[Position, ...]
    changed: tuple[Position, ...]
    taken: frozenset[int]
    conflicts: tuple[Position, ...]
    is_disturbing: bool


def settle(
    document_id: int,
    name: str,
    siblings: tuple[str, str],
    rows: Sequence[Position],
    found: Sequence[FoundPosition],
) -> Settled:
    """Hold the rows of a document against those that are there.

    `siblings` is how the names of the documents of this track start and end. A row that belongs to any
    other document was meddled with, and is taken.
    """
    there = defaultdict(list)
    for each in found:
        there[each.sequence].append(each)
    kept: list[Position] = []
    changed: list[Position] = []
    conflicts: list[Position] = []
    taken: set[int] = set()
    is_disturbing = False
    for row in rows:
        others = [each for each in there[row.sequence] if each.document_id != document_id]
        winners = [each for each in others if _wins(each.owner, name, siblings)]
        if winners:
            if not any(each.same_content for each in winners):
                conflicts.append(row)
            continue
        kept.append(row)
        own = [each for each in there[row.sequence] if each.document_id == document_id]
        if others:
            taken.add(row.sequence)
        if others or not any(_is_same(each, row) for each in own):
            changed.append(row)
            is_disturbing = is_disturbing or bool(others) or any(not each.same_content for each in own)
    return Settled(tuple(kept), tuple(changed), frozenset(taken), tuple(conflicts), is_disturbing)


def keep_arrivals(
    document_id: int, rows: Sequence[Position], found: Sequence[FoundPosition], unsure: frozenset[int]
) -> tuple[Position, ...]:
    """Give the rows of `unsure` sequences, whose log is gone, the seq and `received_at` that are there."""
    known = {each.sequence: each for each in found if each.document_id == document_id}
    return tuple(
        replace(row, seq=known[row.sequence].seq, received_at=known[row.sequence].received_at)
        if row.sequence in unsure and row.sequence in known
        else row
        for row in rows
    )


def _wins(owner: str | None, name: str, siblings: tuple[str, str]) -> bool:
    prefix, suffix = siblings
    return owner is not None and owner.startswith(prefix) and owner.endswith(suffix) and owner < name


def _is_same(there: FoundPosition, row: Position) -> bool:
    return there.same_content and (there.flags, there.seq, there.received_at) == (
        row.flags,
        row.seq,
        row.received_at,
    )
