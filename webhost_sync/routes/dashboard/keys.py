"""Keys and tokens: the list of keys, making and revoking them, and the playground for tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field
from starlette.exceptions import HTTPException

from store.users import MemberRole
from webhost_sync.admin import models
from webhost_sync.auth.principals import Grant, Scope
from webhost_sync.routes.dashboard.forms import Form, NoFields
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import KEYS
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.models import PlainText

PLAYGROUND = f"{KEYS.path}/playground"


def _lines(value: object) -> object:
    """One pattern a line, from a text area; a list stays one."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return [line.strip() for line in value[0].splitlines() if line.strip()]
    return value


class KeyForm(Form):
    name: PlainText = ""
    scopes: list[Scope] = Field(min_length=1)
    documents: Annotated[list[PlainText], BeforeValidator(_lines)] = Field(["*"], max_length=50)
    expires_in_days: int | None = Field(None, ge=1, le=3650)


class TokenForm(Form):
    key_id: UUID
    subject: PlainText = "playground"
    pattern: PlainText = "*"
    rights: Literal["read", "write"] = "read"
    minutes: int = Field(60, ge=1, le=24 * 60)


async def show_keys(visit: Visit[Query]) -> models.Keys:
    return await visit.services.admin.keys.of(visit.tenant.id)


async def create_key(visit: Visit[Query], form: KeyForm) -> Done:
    made = await visit.services.admin.keys.create(
        visit.tenant,
        name=form.name,
        scopes=form.scopes,
        documents=form.documents,
        lifetime=timedelta(days=form.expires_in_days) if form.expires_in_days else None,
        deed=visit.deed,
    )
    return Done(made, template="_key_created.html")


async def revoke_key(visit: Visit[Query], form: NoFields) -> Done:
    try:
        key_id = UUID(visit.path_parameter("id"))
    except ValueError as error:
        raise HTTPException(404) from error
    record = await visit.services.admin.keys.revoke(visit.tenant.id, key_id, deed=visit.deed)
    return Done(record, f"{record.prefix}… is revoked; its connections end within seconds.")


async def issue_token(visit: Visit[Query], form: TokenForm) -> Done:
    rights = ("read",) if form.rights == "read" else ("read", "write")
    issued = await visit.services.admin.keys.issue(
        visit.tenant,
        form.key_id,
        subject=form.subject,
        grant=Grant.of(form.pattern, rights),
        lifetime=timedelta(minutes=form.minutes),
        server_url=visit.server_url,
        deed=visit.deed,
    )
    return Done(issued, template="_token.html")


PAGES = (
    Page(path=KEYS.path, title="Keys", section=KEYS, template="keys.html", show=show_keys, query=Query),
    Page(
        path=PLAYGROUND,
        title="Token playground",
        section=KEYS,
        template="playground.html",
        show=show_keys,
        query=Query,
        role=MemberRole.ADMIN,
    ),
    Action(path=KEYS.path, title="Key created", section=KEYS, form=KeyForm, do=create_key),
    Action(
        path=f"{KEYS.path}/{{id}}/revoke",
        title="Key revoked",
        section=KEYS,
        form=NoFields,
        do=revoke_key,
        goes_on=True,
    ),
    Action(path=PLAYGROUND, title="Token issued", section=KEYS, form=TokenForm, do=issue_token),
)
