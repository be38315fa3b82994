"""Many appends as one SQL statement: what goes in as arrays, and the answer as outcomes.

Appends come from the committer, the statement's arguments and the outcomes go back to it. Pure:
knows no connection, no queue and no clock (the time of a commit is Postgres's).

The statement does its work in one round trip and one transaction:

1. `locked` takes the documents' rows, one after another in the order of their ids, so that two
   committers can never wait for each other in a circle. (`ORDER BY` in the source of an UPDATE
   doesn't order its locks. A LATERAL subquery that locks can't be flattened, and so is carried out
   once for each document, in the order in which the arrays were sent.)
2. `heads` looks at the clock only after the last lock, so that times rise with the sequences.
3. `written` numbers each row: head of its document, plus its place among the rows of that document.
   The place is counted here rather than by a window function, and the head is looked up by array
   index rather than by a join: so no statistics can lead the planner to a quadratic plan.
4. `moved` moves the heads.

A document that may not be written to has a negative number in place of its head. Its rows are left
out, and the others of the batch are not disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from store.changes_contract import Change
from store.checksum import checksum
from store.contract import Committed, EpochMismatch, NewUpdate, Quarantined, StoreError, UnknownDocument

APPEND = """
with locked as materialized (
    select g.position, g.tenant_id, g.document_id, g.row_count, g.byte_count, d.name,
           case when d.state is null or d.state = 'deleted' then -1
                when d.epoch <> g.epoch then -2
                when d.state <> 'active' then -3
                else d.head_seq end as head_seq
    from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[])
         with ordinality as g (tenant_id, document_id, epoch, row_count, byte_count, position)
    left join lateral (
        select name, state, epoch, head_seq from documents
        where tenant_id = g.tenant_id and id = g.document_id
        for no key update
    ) as d on true
), heads as materialized (
    select array_agg(head_seq order by position) as seqs, clock_timestamp() as at from locked
), written as (
    insert into document_updates
        (tenant_id, document_id, seq, payload, checksum, actor, device, client_ids, received_at)
    select ($1::bigint[])[r.document], ($2::bigint[])[r.document], heads.seqs[r.document] + r.place,
           r.payload, r.checksum, r.actor, r.device, r.client_ids::bigint[], heads.at
    from heads, unnest($6::integer[], $7::integer[], $8::bytea[], $9::integer[], $10::text[], $11::text[],
                       $12::text[])
         as r (document, place, payload, checksum, actor, device, client_ids)
    where heads.seqs[r.document] >= 0
), moved as (
    update documents as d
    set head_seq = l.head_seq + l.row_count,
        log_rows = d.log_rows + l.row_count,
        log_bytes = d.log_bytes + l.byte_count,
        updated_at = heads.at
    from locked as l, heads
    where d.tenant_id = l.tenant_id and d.id = l.document_id and l.head_seq >= 0
)
select l.head_seq, l.name, heads.at from locked as l, heads order by l.position
"""


Row = tuple[bytes, int, str, str, str]
"""Payload, checksum, actor, device, client ids: one update as the statement takes it."""


@dataclass(frozen=True, slots=True)
class Append:
    """Updates that one caller wants to append to one document, in this order; at least one."""

    tenant_id: int
    document_id: int
    epoch: UUID
    rows: tuple[Row, ...]
    byte_count: int

    @classmethod
    def of(cls, tenant_id: int, document_id: int, epoch: UUID, updates: Sequence[NewUpdate]) -> Append:
        """Encode the updates, here in the caller's task, so that a wrong type is the caller's alone.

        Raises: ValueError (no update).
        """
        if not updates:
            raise ValueError("an append needs at least one update")
        rows = tuple(_row(update) for update in updates)
        return cls(tenant_id, document_id, epoch, rows, sum(len(update.payload) for update in updates))


class Head(NamedTuple):
    """What Postgres said of one document: its head before this batch (or a refusal, negative)."""

    seq: int
    name: str | None
    committed_at: datetime


@dataclass(slots=True)
class _Share:
    """What a batch brings to one document at one epoch, and where that stands in the arrays."""

    tenant_id: int
    document_id: int
    epoch: UUID
    row_count: int = 0
    byte_count: int = 0
    index: int = 0


class Batch:
    """Appends that are committed together.

    Invariants:
    1. The rows of a document stand in the order of the appends, and of the updates in each.
    2. The documents stand in the order of their ids, whatever the order of the appends.
    """

    def __init__(self, appends: Sequence[Append]) -> None:
        shares: dict[tuple[int, int, UUID], _Share] = {}
        self._entries: list[tuple[Append, _Share, int]] = []
        for append in appends:
            key = append.document_id, append.tenant_id, append.epoch
            share = shares.get(key)
            if share is None:
                share = shares[key] = _Share(append.tenant_id, append.document_id, append.epoch)
            self._entries.append((append, share, share.row_count))
            share.row_count += len(append.rows)
            share.byte_count += append.byte_count
        self._shares = [shares[key] for key in sorted(shares)]
        for index, share in enumerate(self._shares):
            share.index = index

    def arguments(self) -> tuple[list[object], ...]:
        """The twelve arrays of `APPEND`: five with one entry a document, seven with one a row."""
        documents = [
            (share.tenant_id, share.document_id, share.epoch, share.row_count, share.byte_count)
            for share in self._shares
        ]
        rows = [
            (share.index + 1, place, *row)  # both count from 1, as SQL does
            for append, share, before in self._entries
            for place, row in enumerate(append.rows, before + 1)
        ]
        return (*map(list, zip(*documents, strict=True)), *map(list, zip(*rows, strict=True)))

    def outcomes(self, heads: Sequence[Head]) -> list[Committed | StoreError]:
        """What became of each append, in their order. `heads` is the answer, one entry a document."""
        outcomes: list[Committed | StoreError] = []
        for append, share, before in self._entries:
            head = heads[share.index]
            if head.seq < 0:
                outcomes.append(_refusal(append, head.seq))
            else:
                first_seq = head.seq + before + 1
                outcomes.append(Committed(first_seq, first_seq + len(append.rows) - 1, head.committed_at))
        return outcomes

    def changes(self, heads: Sequence[Head]) -> list[Change]:
        """One for each document that grew."""
        return [
            Change(share.tenant_id, share.document_id, head.name, head.seq + 1, head.seq + share.row_count)
            for share, head in zip(self._shares, heads, strict=True)
            if head.seq >= 0 and head.name is not None
        ]


def _row(update: NewUpdate) -> Row:
    # An array of arrays must be rectangular in SQL, so each list of client ids travels as a literal.
    client_ids = "{" + ",".join(map(str, update.client_ids)) + "}"
    return update.payload, checksum(update.payload), update.actor, update.device, client_ids


def _refusal(append: Append, code: int) -> StoreError:
    document = f"document {append.document_id} of tenant {append.tenant_id}"
    match code:
        case -2:
            return EpochMismatch(f"{document} was made anew since epoch {append.epoch}; open it again")
        case -3:
            return Quarantined(f"{document} is in quarantine; an admin must release it first")
        case _:
            return UnknownDocument(f"{document} does not exist")
