"""What admins choose for a space: for how long what is kept."""

from __future__ import annotations

from store.users import MemberRole
from webhost_sync.admin import models
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import SETTINGS
from webhost_sync.routes.endpoint import Query


class RetentionForm(models.RetentionChoice, Form):
    """An input that was left empty is what the server says."""


async def show_settings(visit: Visit[Query]) -> models.Retention:
    return await visit.services.admin.retention.of(visit.tenant.id)


async def choose_retention(visit: Visit[Query], form: RetentionForm) -> Done:
    kept = await visit.services.admin.retention.choose(visit.tenant.id, form, deed=visit.deed)
    return Done(kept, "Saved. It counts from now on.")


PAGES = (
    Page(
        path=SETTINGS.path,
        title="Settings",
        section=SETTINGS,
        template="settings.html",
        show=show_settings,
        query=Query,
        role=MemberRole.ADMIN,
    ),
    Action(
        path=f"{SETTINGS.path}/retention",
        title="Saved",
        section=SETTINGS,
        form=RetentionForm,
        do=choose_retention,
    ),
)
