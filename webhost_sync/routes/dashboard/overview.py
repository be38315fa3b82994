"""The overview of a space, and the stream that keeps it fresh."""

from __future__ import annotations

from webhost_sync.admin.models import Overview
from webhost_sync.routes.dashboard.page import Page, Stream, Visit
from webhost_sync.routes.dashboard.sections import OVERVIEW
from webhost_sync.routes.endpoint import Query


async def show_overview(visit: Visit[Query]) -> Overview:
    return await visit.services.admin.overviews.of(visit.tenant.id)


PAGES = (
    Page(
        path=OVERVIEW.path,
        title="Overview",
        section=OVERVIEW,
        template="overview.html",
        show=show_overview,
        query=Query,
    ),
    Stream(path=f"{OVERVIEW.path}/live", template="_overview.html", show=show_overview),
)
