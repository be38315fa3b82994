"""The members of the customer: invite, change what somebody is, remove."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from store.users import MemberRole
from webhost_sync.admin import models
from webhost_sync.routes.dashboard.forms import Form, NoFields
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import MEMBERS
from webhost_sync.routes.endpoint import Query


class InviteForm(Form):
    email: str = Field(max_length=254)
    role: MemberRole = MemberRole.VIEWER


class WithdrawForm(Form):
    email: str = Field(max_length=254)


class RoleForm(Form):
    role: MemberRole


class Changed(BaseModel):
    changed: bool = True


async def show_members(visit: Visit[Query]) -> models.Members:
    return await visit.services.admin.members.of(visit.tenant)


async def invite(visit: Visit[Query], form: InviteForm) -> Done:
    invited = await visit.services.admin.members.invite(
        visit.tenant,
        form.email,
        form.role,
        by=visit.visitor.role,
        server_url=visit.server_url,
        deed=visit.deed,
    )
    return Done(invited, template="_invited.html")


async def withdraw(visit: Visit[Query], form: WithdrawForm) -> Done:
    await visit.services.admin.members.withdraw(
        visit.tenant, form.email, by=visit.visitor.role, deed=visit.deed
    )
    return Done(Changed(), f"The invitation of {form.email} is withdrawn.")


async def set_role(visit: Visit[Query], form: RoleForm) -> Done:
    await visit.services.admin.members.set_role(
        visit.tenant, _user_id(visit), form.role, by=visit.visitor.role, deed=visit.deed
    )
    return Done(Changed(), "The role is changed.")


async def remove(visit: Visit[Query], form: NoFields) -> Done:
    await visit.services.admin.members.remove(
        visit.tenant, _user_id(visit), by=visit.visitor.role, deed=visit.deed
    )
    return Done(Changed(), "The member is removed.")


def _user_id(visit: Visit[Query]) -> UUID:
    try:
        return UUID(visit.path_parameter("id"))
    except ValueError as error:
        raise HTTPException(404) from error


PAGES = (
    Page(
        path=MEMBERS.path,
        title="Members",
        section=MEMBERS,
        template="members.html",
        show=show_members,
        query=Query,
        role=MemberRole.ADMIN,
    ),
    Action(path=MEMBERS.path, title="Invited", section=MEMBERS, form=InviteForm, do=invite),
    Action(
        path=f"{MEMBERS.path}/withdraw", title="Withdrawn", section=MEMBERS, form=WithdrawForm, do=withdraw
    ),
    Action(path=f"{MEMBERS.path}/{{id}}/role", title="Changed", section=MEMBERS, form=RoleForm, do=set_role),
    Action(path=f"{MEMBERS.path}/{{id}}/remove", title="Removed", section=MEMBERS, form=NoFields, do=remove),
)
