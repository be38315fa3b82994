"""The list of a space's documents."""

from __future__ import annotations

from pydantic import Field

from store.readings import DocumentListing
from webhost_sync.routes import models
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.documents import BY_NAME
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery


class DocumentsQuery(PagedQuery):
    q: str = Field("", max_length=255, description="What the name begins with.")


async def show_documents(visit: Visit[DocumentsQuery]) -> models.DocumentPage:
    readings, tenant_id, prefix = visit.services.readings, visit.tenant.id, visit.query.q

    async def fetch(after: str | None, limit: int) -> list[DocumentListing]:
        return await readings.documents(tenant_id, ["*"], prefix=prefix, after=after, limit=limit)

    path = visit.address(DOCUMENTS.path)
    records, cursor = await page_of(visit.query, path, BY_NAME, fetch, lambda record: record.name)
    items = [models.DocumentSummary.model_validate(record) for record in records]
    return models.DocumentPage(items=items, next_cursor=cursor)


PAGES = (
    Page(
        path=DOCUMENTS.path,
        title="Documents",
        section=DOCUMENTS,
        template="documents.html",
        show=show_documents,
        query=DocumentsQuery,
    ),
)
