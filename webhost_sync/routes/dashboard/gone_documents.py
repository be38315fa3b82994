"""The documents that are no more: deleted ones that can be brought back, and the tombstones of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field

from store.lifecycle_contract import Deletion, Tombstone, TombstoneKey
from store.users import MemberRole
from webhost_sync.routes import lifecycle_models as models
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.documents import BY_NAME
from webhost_sync.routes.lifecycle import BY_NAME_AND_ID
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery

DELETED = f"{DOCUMENTS.path}/deleted"
TOMBSTONES = f"{DOCUMENTS.path}/tombstones"


class DeletedDocument(models.DocumentDeleted):
    log_bytes: int = Field(description="Bytes of the updates that are kept until then.")
    days_left: float = Field(description="Until it is gone for good; 0 where that is due.")


class DeletedDocuments(BaseModel):
    items: list[DeletedDocument] = Field(description="By the UTF-8 bytes of their names.")
    next_cursor: str | None


async def show_deleted(visit: Visit[PagedQuery]) -> DeletedDocuments:
    lives, now = visit.services.admin.lives, datetime.now(UTC)

    async def fetch(after: str | None, limit: int) -> list[Deletion]:
        return await lives.deletions(visit.tenant.id, ["*"], after=after, limit=limit)

    found, cursor = await page_of(
        visit.query, visit.address(DELETED), BY_NAME, fetch, lambda deletion: deletion.name
    )
    return DeletedDocuments(items=[_with_days_left(deletion, now) for deletion in found], next_cursor=cursor)


async def show_tombstones(visit: Visit[PagedQuery]) -> models.TombstonePage:
    lives = visit.services.admin.lives

    async def fetch(after: TombstoneKey | None, limit: int) -> list[Tombstone]:
        return await lives.tombstones(visit.tenant.id, ["*"], after=after, limit=limit)

    path = visit.address(TOMBSTONES)
    found, cursor = await page_of(
        visit.query, path, BY_NAME_AND_ID, fetch, lambda each: (each.name, each.document_id)
    )
    items = [models.Tombstone.model_validate(each) for each in found]
    return models.TombstonePage(items=items, next_cursor=cursor)


def _with_days_left(deletion: Deletion, now: datetime) -> DeletedDocument:
    left = max((deletion.purge_at - now) / timedelta(days=1), 0.0)
    answer = models.DocumentDeleted.of(deletion)
    return DeletedDocument(**answer.model_dump(), log_bytes=deletion.log_bytes, days_left=round(left, 2))


PAGES = (
    Page(
        path=DELETED,
        title="Deleted documents",
        section=DOCUMENTS,
        template="documents_deleted.html",
        show=show_deleted,
        query=PagedQuery,
        role=MemberRole.ADMIN,
    ),
    Page(
        path=TOMBSTONES,
        title="Documents that are gone",
        section=DOCUMENTS,
        template="documents_tombstones.html",
        show=show_tombstones,
        query=PagedQuery,
        role=MemberRole.ADMIN,
    ),
)
