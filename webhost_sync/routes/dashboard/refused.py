"""What stands in documents and in no table, and why: counted by kind, and one by one.

/fleet/-/refused         kinds: document, place, reason, how many, what to do
/fleet/-/refused/all     the things themselves, of one kind or of all

A vehicle's page has one segment after `/fleet`, so no vehicle is hidden by these.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from store.refused_readings import GroupKey, RefusedFilter, RefusedGroup, RefusedKey, RefusedRecord
from webhost_sync.fleet.refused import label_of, words_of
from webhost_sync.routes import refused_models as models
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery

PATH = f"{FLEET.path}/-/refused"
EVERYTHING = ["*"]


class RefusedQuery(PagedQuery):
    q: str | None = Field(None, max_length=200, description="Part of document, path or reason.")
    document: str | None = Field(None, max_length=255, description="Only of this document.")
    place: str | None = Field(None, max_length=1000, description="Only at this place.")
    reason: str | None = Field(None, max_length=300, description="Only for this reason, but for numbers.")

    @property
    def wanted(self) -> RefusedFilter:
        return RefusedFilter(self.document, self.place, self.reason, self.q)

    @property
    def chosen(self) -> dict[str, str | None]:
        """The filters, for the address of a next page."""
        return {name: getattr(self, name) for name in ("q", "document", "place", "reason")}


class Kind(models.RefusedKind):
    path: str = Field(exclude=True, description="Of the page with the things themselves.")
    label: str = Field(exclude=True)


class Kinds(models.RefusedKindPage):
    items: list[Kind]  # type: ignore[assignment]  # pydantic lets a field of a subclass be narrower
    places: list[tuple[str, str]] = Field(exclude=True, description="To choose from, each with its label.")


class One(models.Refused):
    words: str = Field(exclude=True, description="The path, decoded.")


class Ones(models.RefusedPage):
    items: list[One]  # type: ignore[assignment]
    label: str = Field(exclude=True, description="Of the place that was chosen; empty where none was.")
    remedy: str = Field(exclude=True, description="Of the kind that was chosen; empty where none was.")


async def show_kinds(visit: Visit[RefusedQuery]) -> Kinds:
    refused, tenant_id, wanted = visit.services.refused, visit.tenant.id, visit.query.wanted

    async def fetch(after: GroupKey | None, limit: int) -> list[RefusedGroup]:
        return await refused.groups(tenant_id, EVERYTHING, wanted, after=after, limit=limit)

    groups, cursor = await page_of(
        visit.query, visit.address(PATH), models.BY_SIZE, fetch, models.key_of_group
    )
    places = [(place, label_of(place)) for place in await refused.places(tenant_id)]
    return Kinds(items=[_kind(group) for group in groups], next_cursor=cursor, places=places)


async def show_all(visit: Visit[RefusedQuery]) -> Ones:
    refused, tenant_id, query = visit.services.refused, visit.tenant.id, visit.query

    async def fetch(after: RefusedKey | None, limit: int) -> list[RefusedRecord]:
        return await refused.rejects(tenant_id, EVERYTHING, query.wanted, after=after, limit=limit)

    records, cursor = await page_of(
        query, visit.address(f"{PATH}/all"), models.BY_PATH, fetch, models.key_of_record
    )
    items = [_one(record) for record in records]
    return Ones(
        items=items,
        next_cursor=cursor,
        label=label_of(query.place) if query.place else "",
        remedy=items[0].remedy if items and query.place and query.reason else "",
    )


def _kind(group: RefusedGroup) -> Kind:
    chosen = urlencode({"document": group.document, "place": group.place, "reason": group.reason})
    fields: dict[str, Any] = models.kind_of(group).model_dump()
    return Kind(**fields, path=f"{PATH}/all?{chosen}", label=label_of(group.place))


def _one(record: RefusedRecord) -> One:
    return One(**models.refused_of(record).model_dump(), words=words_of(record.path))


PAGES = (
    Page(
        path=PATH,
        title="Refused",
        section=FLEET,
        template="refused.html",
        show=show_kinds,
        query=RefusedQuery,
    ),
    Page(
        path=f"{PATH}/all",
        title="Refused, one by one",
        section=FLEET,
        template="refused_all.html",
        show=show_all,
        query=RefusedQuery,
    ),
)
