"""What admins choose for a space, for how long what is kept; and the limits that the operator set for it."""

from __future__ import annotations

from pydantic import Field

from store.users import MemberRole
from webhost_sync.admin import models
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import SETTINGS
from webhost_sync.routes.endpoint import Query


class RetentionForm(models.RetentionChoice, Form):
    """An input that was left empty is what the server says."""


class SettingsPage(models.Retention):
    limits: list[models.RateLimit] = Field(description="How often one credential may do what.")


async def show_settings(visit: Visit[Query]) -> SettingsPage:
    retention = await visit.services.admin.retention.of(visit.tenant.id)
    limits = models.RateLimits.of(await visit.services.admission.budgets_of(visit.tenant.id))
    return SettingsPage(**retention.model_dump(), limits=limits.items)


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
