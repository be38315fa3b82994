"""The webhooks of a space, for admins: where messages go, how that works out, and what was given up.

/settings/webhooks                 the list, and a new one, whose secret is shown once
/settings/webhooks/{id}            its messages, newest first
/settings/webhooks/{id}/…          enable, remove, replay
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from store.users import MemberRole
from webhost_sync.admin import webhooks as models
from webhost_sync.routes.dashboard.forms import Form, NoFields
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import SETTINGS
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.models import PlainText
from webhost_sync.webhooks.kinds import EventKind

PATH = f"{SETTINGS.path}/webhooks"
ONE = f"{PATH}/{{id}}"
MESSAGES = 100
"""On a page."""
GROUPS = {"document": "Documents", "row": "Rows", "geofence": "Fences", "key": "Keys"}


class WebhookForm(Form):
    url: PlainText = Field(max_length=2000)
    description: PlainText = ""
    kinds: list[EventKind] = Field(min_length=1)


class ReplayForm(Form):
    from_seq: int = Field(ge=0, lt=2**63)


class MessagesQuery(Query):
    state: Literal["pending", "delivered", "dead"] | None = Field(None, description="Only these.")
    before: int | None = Field(None, ge=1, lt=2**63, description="Only messages before this seq.")


class WebhooksPage(models.WebhookStates):
    groups: list[tuple[str, list[tuple[str, str]]]] = Field(
        exclude=True, description="The kinds that can be told, by what they are about; each with its words."
    )


class MessagesPage(BaseModel):
    webhook: models.WebhookState
    items: list[models.Message] = Field(description="Newest first.")
    next_before: int | None = Field(description="The `before` of the next page; null on the last one.")


async def show_webhooks(visit: Visit[Query]) -> WebhooksPage:
    states = await visit.services.admin.webhooks.states(visit.tenant.id)
    return WebhooksPage(items=states.items, groups=_groups())


async def show_messages(visit: Visit[MessagesQuery]) -> MessagesPage:
    desk, tenant_id, query = visit.services.admin.webhooks, visit.tenant.id, visit.query
    webhook = await desk.state(tenant_id, _id_of(visit))
    found = await desk.messages(
        tenant_id, webhook.id, state=query.state, before=query.before, limit=MESSAGES + 1
    )
    items = found.items[:MESSAGES]
    return MessagesPage(
        webhook=webhook,
        items=items,
        next_before=items[-1].seq if len(found.items) > MESSAGES else None,
    )


async def create(visit: Visit[Query], form: WebhookForm) -> Done:
    made = await visit.services.admin.webhooks.create(
        visit.tenant.id, url=form.url, kinds=form.kinds, description=form.description, deed=visit.deed
    )
    return Done(made, template="_webhook_created.html")


async def enable(visit: Visit[Query], form: NoFields) -> Done:
    webhook = await visit.services.admin.webhooks.enable(visit.tenant.id, _id_of(visit), deed=visit.deed)
    return Done(webhook, "Switched on. What waits is tried at once.", to=PATH)


async def remove(visit: Visit[Query], form: NoFields) -> Done:
    webhook = await visit.services.admin.webhooks.state(visit.tenant.id, _id_of(visit))
    await visit.services.admin.webhooks.remove(visit.tenant.id, webhook.id, deed=visit.deed)
    return Done(webhook, "Removed, with all of its messages.", to=PATH)


async def replay(visit: Visit[Query], form: ReplayForm) -> Done:
    webhook_id = _id_of(visit)
    done = await visit.services.admin.webhooks.replay(
        visit.tenant.id, webhook_id, form.from_seq, deed=visit.deed
    )
    plural = "" if done.messages == 1 else "s"
    return Done(done, f"{done.messages} message{plural} will be sent again.", to=f"{PATH}/{webhook_id}")


def _id_of(visit: Visit[Any]) -> UUID:
    """The webhook that the path names. Raises: HTTPException 404."""
    try:
        return UUID(visit.path_parameter("id"))
    except ValueError as error:
        raise HTTPException(404) from error


def _groups() -> list[tuple[str, list[tuple[str, str]]]]:
    found: dict[str, list[tuple[str, str]]] = {title: [] for title in GROUPS.values()}
    for kind in EventKind:
        about, _, what = kind.value.partition(".")
        found[GROUPS[about]].append((kind.value, what.replace("_", " ")))
    return list(found.items())


def _action(what: str, title: str, do: Any, form: type[Form] = NoFields) -> Action[Any]:
    return Action(path=f"{ONE}/{what}", title=title, section=SETTINGS, form=form, do=do)


PAGES = (
    Page(
        path=PATH,
        title="Webhooks",
        section=SETTINGS,
        template="webhooks.html",
        show=show_webhooks,
        query=Query,
        role=MemberRole.ADMIN,
    ),
    Page(
        path=ONE,
        title="Webhook",
        section=SETTINGS,
        template="webhook.html",
        show=show_messages,
        query=MessagesQuery,
        role=MemberRole.ADMIN,
    ),
    Action(path=PATH, title="Webhook made", section=SETTINGS, form=WebhookForm, do=create),
    _action("enable", "Switched on", enable),
    _action("remove", "Removed", remove),
    _action("replay", "Sent again", replay, ReplayForm),
)
