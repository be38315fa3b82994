"""What stands in documents and in no row of SQL, with the reason and what to do.

Whoever may read a document may see what of it was refused. Of a document that may not be seen, and of one
that was deleted, there is nothing.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from store.refused_readings import GroupKey, RefusedFilter, RefusedGroup, RefusedKey, RefusedRecord
from webhost_sync.errors import InvalidRequest
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery
from webhost_sync.routes.refused_models import (
    BY_PATH,
    BY_SIZE,
    RefusedKindPage,
    RefusedPage,
    key_of_group,
    key_of_record,
    kind_of,
    refused_of,
)
from webhost_sync.routes.vehicles import readable_patterns


class RefusedQuery(PagedQuery):
    document: str | None = Field(None, description="Only of this document.", examples=["tables/vehicles"])
    place: str | None = Field(None, description="Only at this place.", examples=["rows/*/odometer_m"])
    reason: str | None = Field(
        None,
        description="Only for this reason, whatever numbers are in it.",
        examples=["is no map of fields"],
    )
    q: str | None = Field(
        None, min_length=1, max_length=200, description="Part of document, path or reason, in either case."
    )

    @property
    def wanted(self) -> RefusedFilter:
        return RefusedFilter(self.document, self.place, self.reason, self.q)


async def list_refused(call: Call[RefusedQuery, None]) -> Response:
    tenant_id, patterns, wanted = (
        call.principal.tenant_id,
        readable_patterns(call.principal),
        call.query.wanted,
    )

    async def fetch(after: RefusedKey | None, limit: int) -> list[RefusedRecord]:
        return await call.services.refused.rejects(tenant_id, patterns, wanted, after=after, limit=limit)

    records, cursor = await page(call, BY_PATH, fetch, key_of_record)
    return _json(RefusedPage(items=[refused_of(record) for record in records], next_cursor=cursor))


async def list_kinds(call: Call[RefusedQuery, None]) -> Response:
    tenant_id, patterns, wanted = (
        call.principal.tenant_id,
        readable_patterns(call.principal),
        call.query.wanted,
    )

    async def fetch(after: GroupKey | None, limit: int) -> list[RefusedGroup]:
        return await call.services.refused.groups(tenant_id, patterns, wanted, after=after, limit=limit)

    groups, cursor = await page(call, BY_SIZE, fetch, key_of_group)
    return _json(RefusedKindPage(items=[kind_of(group) for group in groups], next_cursor=cursor))


def _json(answer: BaseModel) -> JSONResponse:
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


A_KIND = {
    "document": "tables/vehicles", "place": "rows/*/odometer_m",
    "reason": "odometer_m is text, not a number",
    "remedy": "Write the field as a number; until then its row goes without it.",
    "count": 12, "refused_since": "2026-05-01T12:00:00Z",
}  # fmt: skip
ONE = {name: A_KIND[name] for name in ("document", "place", "reason", "remedy", "refused_since")} | {
    "path": "rows/bus-7/odometer_m", "pointer": "/rows/bus-7/odometer_m", "value": "'120500 km'", "seq": 41,
}  # fmt: skip
RIGHTS = "Shows those of documents that may be read; deleted ones are left out."

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/refused",
        tag="refused",
        summary="List what has no place in the tables",
        description="Rows, fields and positions that stand in documents and, for the reason that is given, "
        f"in no row; by document and path. {RIGHTS}",
        handler=list_refused,
        query=RefusedQuery,
        body=NoBody(),
        answers=(
            Answer(200, "A page of what was refused", RefusedPage, {"items": [ONE], "next_cursor": None}),
        ),
        errors=(InvalidRequest,),
    ),
    Endpoint(
        method="GET",
        path="/api/refused/kinds",
        tag="refused",
        summary="Count what has no place in the tables",
        description="The same, counted by document, place and reason, the most frequent first. Reasons that "
        f"differ in their numbers alone count as one. {RIGHTS}",
        handler=list_kinds,
        query=RefusedQuery,
        body=NoBody(),
        answers=(Answer(200, "A page of kinds", RefusedKindPage, {"items": [A_KIND], "next_cursor": None}),),
        errors=(InvalidRequest,),
    ),
)
