"""Reads everything that is stored of documents, not only what loading needs, and holds it together.

Facts for `webhost-sync check`, and the one repair that only the store can do: putting a snapshot aside.
Raises: Unavailable. What an update means is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.checksum import checksum
from store.contract import UnknownDocument
from store.database import Database
from store.lifecycle_contract import Damage, Part
from store.repair import BEYOND, CHECKSUM_WRONG, MISSING, MOST_DAMAGES

PAGE = 500
OF_DOCUMENTS = ("document_updates", "document_snapshots", "document_versions")
"""Tables whose rows are worth something by themselves; nothing deletes their orphans."""
FOLLOWING = (
    "vehicles",
    "gps_positions",
    "position_conflicts",
    "projection_checkpoints",
    "projection_rejects",
    "projection_failures",
)
"""Tables that follow from documents: a rebuild removes their orphans."""


@dataclass(frozen=True, slots=True)
class Scan:
    """All that is stored of one document, at one moment.

    `first_seq` is that of the first row of the log, head + 1 where there is none. `damages` are rows and
    snapshots whose checksum fails, or that are missing; `snapshots` the valid ones, oldest first.
    """

    head_seq: int
    first_seq: int
    rows: int
    snapshots: tuple[int, ...]
    damages: tuple[Damage, ...]

    def leads_to(self, seq: int) -> int | None:
        """From where the state at `seq` can be made again without a snapshot there: the seq of an older valid
        one, or 0, with every row since in the log and sound. None where there is no such way."""
        bad = [damage.seq for damage in self.damages if damage.part is Part.UPDATE]
        for basis in (*(found for found in reversed(self.snapshots) if found < seq), 0):
            if self.first_seq <= basis + 1 and not any(basis < row <= seq for row in bad):
                return basis
        return None


@dataclass(frozen=True, slots=True)
class Orphans:
    """Rows of a table whose document isn't there (any more)."""

    tenant_id: int
    table: str
    documents: int


_DOCUMENT = (
    "select head_seq from documents where tenant_id = :tenant and id = :document and state <> 'deleted'"
)
_ROWS = """
select seq, payload, checksum, actor, received_at from document_updates
where tenant_id = :tenant and document_id = :document and seq > :after order by seq limit :limit
"""
_SNAPSHOTS = (
    "select seq from document_snapshots where tenant_id = :tenant and document_id = :document order by seq"
)
_SNAPSHOT = """
select state, state_vector, checksum, created_at from document_snapshots
where tenant_id = :tenant and document_id = :document and seq = :seq
"""
_ORPHANS = """
select tenant_id, count(*)::int from (select distinct tenant_id, document_id from {table}) x
where not exists (select from documents d where d.tenant_id = x.tenant_id and d.id = x.document_id)
group by tenant_id order by tenant_id
"""
_PUT_ASIDE = """
with gone as (
  delete from document_snapshots where tenant_id = :tenant and document_id = :document and seq = :seq
  returning tenant_id, document_id, seq, state, state_vector, checksum, created_at
)
insert into quarantined_snapshots (tenant_id, document_id, seq, state, state_vector, checksum, created_at,
                                   reason, released_by)
select gone.*, :reason, :by from gone on conflict do nothing
"""
_POINT_AT_NEWEST = """
update documents set snapshot_seq = coalesce(
  (select max(seq) from document_snapshots where tenant_id = :tenant and document_id = :document), 0)
where tenant_id = :tenant and id = :document
"""


class Integrity:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def scan(self, tenant_id: int, document_id: int) -> Scan:
        """Read every row and every snapshot of a document. Raises: UnknownDocument."""
        key = {"tenant": tenant_id, "document": document_id}
        async with self._database.moment(tenant_id) as connection:
            head = await connection.scalar(text(_DOCUMENT), key)
            if head is None:
                raise UnknownDocument(f"document {document_id} of tenant {tenant_id} does not exist")
            first, rows, damages = await _rows(connection, key, head)
            snapshots, bad = await _snapshots(connection, key)
        if first > 1 and not any(seq >= first - 1 for seq in snapshots):
            bad.append(Damage(Part.SNAPSHOT, first - 1, "no valid snapshot covers the trimmed rows"))
        return Scan(head, first, rows, tuple(snapshots), tuple([*damages, *bad][:MOST_DAMAGES]))

    async def orphans(self) -> tuple[Orphans, ...]:
        """As the owner of the schema, who sees all tenants. Raises: MissingPrivilege."""
        found: list[Orphans] = []
        async with self._database.owner() as connection:
            for table in (*OF_DOCUMENTS, *FOLLOWING):
                rows = await connection.execute(text(_ORPHANS.format(table=table)))
                found += (Orphans(tenant_id, table, count) for tenant_id, count in rows)
        return tuple(found)

    async def put_snapshot_aside(
        self, tenant_id: int, document_id: int, seq: int, *, reason: str, by: str
    ) -> None:
        """Load without this snapshot from now on; it is kept, whole, for whoever wants to look at it. Only
        where `Scan.leads_to(seq)` says that the log does without it."""
        key = {"tenant": tenant_id, "document": document_id}
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(text(_PUT_ASIDE), {**key, "seq": seq, "reason": reason, "by": by})
            await connection.execute(text(_POINT_AT_NEWEST), key)


async def _rows(connection: AsyncConnection, key: dict[str, int], head: int) -> tuple[int, int, list[Damage]]:
    """The first seq, how many rows there are, and what is wrong with them."""
    damages: list[Damage] = []
    first, after, count = head + 1, 0, 0
    while page := (await connection.execute(text(_ROWS), {**key, "after": after, "limit": PAGE})).all():
        if not count:
            first, after = page[0].seq, page[0].seq - 1
        for row in page:
            damages += (Damage(Part.UPDATE, seq, MISSING) for seq in range(after + 1, row.seq))
            found = checksum(row.payload)
            if found != row.checksum or row.seq > head:
                reason = BEYOND if row.seq > head else CHECKSUM_WRONG
                damages.append(
                    Damage(
                        Part.UPDATE, row.seq, reason, len(row.payload), row.checksum, found, row.actor,
                        row.received_at,
                    )
                )  # fmt: skip
            after = row.seq
            count += 1
    if count:
        damages += (Damage(Part.UPDATE, seq, MISSING) for seq in range(after + 1, head + 1))
    return first, count, damages


async def _snapshots(connection: AsyncConnection, key: dict[str, int]) -> tuple[list[int], list[Damage]]:
    """The valid ones, and the others. One at a time, since they may be large."""
    valid: list[int] = []
    damages: list[Damage] = []
    for seq in (await connection.execute(text(_SNAPSHOTS), key)).scalars().all():
        row = (await connection.execute(text(_SNAPSHOT), {**key, "seq": seq})).one()
        found = checksum(row.state, row.state_vector)
        if found == row.checksum:
            valid.append(seq)
        else:
            size = len(row.state)
            damages.append(
                Damage(Part.SNAPSHOT, seq, CHECKSUM_WRONG, size, row.checksum, found, at=row.created_at)
            )
    return valid, damages
