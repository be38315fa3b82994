"""What the API and the dashboard read of rejects, page by page: what stands in documents and in no row.

As `readings`: a tenant, patterns of documents that may be read, and the key after which the page begins.
Rejects of deleted documents are left out, since these are gone for whoever looks. Writes nothing.

Rejects that differ in their row, chunk or fix alone, and in the numbers of their reasons, are one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, literal, literal_column, or_, select, tuple_

from store.contract import DocumentState
from store.database import Database
from store.patterns import escaped
from store.readings import fits_any
from store.schema import documents, projection_rejects

PLACE = r"regexp_replace(projection_rejects.path, '^(rows|chunks|sequences)/[^/]+', '\1/*')"
"""SQL: a reject's path with its row, chunk or fix left open (`rows/*/odometer_m`)."""
COUNTED = 10_000
"""Of more rejects than this the number isn't counted."""
MOST_PLACES = 100
_NUMBER = "[0-9]+([.][0-9]+)?"


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A reject. `rejected_at` is since when it has been refused for this reason and with this value."""

    document_id: int
    document: str
    path: str
    place: str
    reason: str
    value: str
    seq: int
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Rejects of a kind in one document; `reason` is that of one of them, `kind` has # for its numbers.
    `rejected_at` is that of the oldest."""

    document_id: int
    document: str
    place: str
    kind: str
    reason: str
    count: int
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedFilter:
    """None means any. `reason` means those of its kind; `text` is looked for in the name of the document,
    path and reason, in either case."""

    document: str | None = None
    place: str | None = None
    reason: str | None = None
    text: str | None = None


RefusedKey = tuple[int, str]
"""Document's id and path: the order of rejects."""
GroupKey = tuple[int, int, str, str]
"""Minus the count, document's id, place and kind: the order of groups, the largest first."""

_PLACE: ColumnElement[str] = literal_column(PLACE, Text)
_KIND: ColumnElement[str] = literal_column(
    f"regexp_replace(projection_rejects.reason, '{_NUMBER}', '#', 'g')", Text
)


class RefusedReadings:
    """Invariants: as `store.readings.Readings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rejects(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        wanted: RefusedFilter,
        *,
        after: RefusedKey | None,
        limit: int,
    ) -> list[RefusedRecord]:
        """Rejects one by one, by document and path."""
        table = projection_rejects.c
        key = (table.document_id, table.path)
        columns = (table[name] for name in ("document_id", "path", "reason", "value", "seq", "rejected_at"))
        query = _of(tenant_id, patterns, wanted, *columns, _PLACE.label("place"))
        if after is not None:
            query = query.where(tuple_(*key) > after)
        query = query.order_by(*key).limit(limit)
        return [RefusedRecord(**row) for row in await self._rows(tenant_id, query)]

    async def groups(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        wanted: RefusedFilter,
        *,
        after: GroupKey | None,
        limit: int,
    ) -> list[RefusedGroup]:
        """Rejects counted by document, place and kind of reason, the largest groups first."""
        table = projection_rejects.c
        found = _of(
            tenant_id,
            patterns,
            wanted,
            table.document_id,
            _PLACE.label("place"),
            _KIND.label("kind"),
            func.min(table.reason).label("reason"),
            func.count().label("count"),
            func.min(table.rejected_at).label("rejected_at"),
        )
        groups = found.group_by(table.document_id, documents.c.name, _PLACE, _KIND).subquery()
        key = (-groups.c["count"], groups.c.document_id, groups.c.place, groups.c.kind)
        query = select(groups)
        if after is not None:
            query = query.where(tuple_(*key) > after)
        query = query.order_by(*key).limit(limit)
        return [RefusedGroup(**row) for row in await self._rows(tenant_id, query)]

    async def places(self, tenant_id: int) -> list[str]:
        """The places of all rejects, or the first of them."""
        found = _of(tenant_id, ["*"], RefusedFilter(), _PLACE.label("place")).subquery()
        query = select(found.c.place).distinct().order_by(found.c.place).limit(MOST_PLACES)
        return [row["place"] for row in await self._rows(tenant_id, query)]

    async def count(self, tenant_id: int, document: str | None = None) -> int:
        """How many rejects there are, of one document or of all; `COUNTED` where there are more."""
        found = _of(tenant_id, ["*"], RefusedFilter(document), literal(1).label("one")).limit(COUNTED)
        query = select(func.count().label("count")).select_from(found.subquery())
        return int((await self._rows(tenant_id, query))[0]["count"])

    async def _rows(self, tenant_id: int, query: Select[Any]) -> list[dict[str, Any]]:
        async with self._database.tenant(tenant_id) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def _of(
    tenant_id: int, patterns: Sequence[str], wanted: RefusedFilter, *columns: ColumnElement[Any]
) -> Select[Any]:
    """The columns, and the document's name, of the rejects that are wanted."""
    table, name = projection_rejects.c, documents.c.name
    of_document = (documents.c.tenant_id == table.tenant_id) & (documents.c.id == table.document_id)
    query = (
        select(*columns, name.label("document"))
        .select_from(projection_rejects.join(documents, of_document))
        .where(table.tenant_id == tenant_id, documents.c.state != DocumentState.DELETED)
    )
    if "*" not in patterns:
        query = query.where(fits_any(name, patterns))
    if wanted.document is not None:
        query = query.where(name == wanted.document)
    if wanted.place is not None:
        query = query.where(_PLACE == wanted.place)  # noqa: SIM300 - a column, not a constant
    if wanted.reason is not None:
        of_kind = func.regexp_replace(wanted.reason, _NUMBER, "#", "g")
        query = query.where(of_kind == _KIND)
    if wanted.text is not None:
        part = f"%{escaped(wanted.text)}%"
        query = query.where(or_(name.ilike(part), table.path.ilike(part), table.reason.ilike(part)))
    return query
