"""The query of the audit log and one page of it, for the API and the dashboard alike."""

from __future__ import annotations

import dataclasses

from pydantic import Field

from store.audit import AuditEntry, AuditFilter, AuditLog
from webhost_sync.admin import models
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery, Time

BY_ID = CursorFormat[int](int)


class AuditQuery(PagedQuery):
    action: str | None = Field(
        None, max_length=50, description="Such as `key.revoke`; `key` is all that is done to keys."
    )
    actor: str | None = Field(None, max_length=300, description="Exactly this one, as `user:a@b.example`.")
    q: str | None = Field(None, max_length=200, description="Part of the actor or the target.")
    start: Time | None = Field(None, alias="from", description="At this time or later.")
    end: Time | None = Field(None, alias="to", description="Earlier than this time.")


async def audit_page(audit: AuditLog, tenant_id: int, query: AuditQuery, path: str) -> models.AuditPage:
    """One page of the log; `path` is what its cursors are bound to. Raises: InvalidRequest."""
    wanted = AuditFilter(query.action or None, query.actor or None, query.q or None, query.start, query.end)

    async def fetch(before: int | None, limit: int) -> list[AuditEntry]:
        return await audit.page(tenant_id, wanted, before=before, limit=limit)

    entries, cursor = await page_of(query, path, BY_ID, fetch, lambda entry: entry.id)
    items = [models.AuditEntry.model_validate(dataclasses.asdict(entry)) for entry in entries]
    return models.AuditPage(items=items, next_cursor=cursor)
