"""The audit log of a space: everything that admins, keys and commands changed, newest first."""

from __future__ import annotations

from store.users import MemberRole
from webhost_sync.admin import models
from webhost_sync.routes.audit_query import AuditQuery, audit_page
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import AUDIT


async def show_audit(visit: Visit[AuditQuery]) -> models.AuditPage:
    path = visit.address(AUDIT.path)
    return await audit_page(visit.services.admin.audit, visit.tenant.id, visit.query, path)


PAGES = (
    Page(
        path=AUDIT.path,
        title="Audit",
        section=AUDIT,
        template="audit.html",
        show=show_audit,
        query=AuditQuery,
        role=MemberRole.ADMIN,
    ),
)
