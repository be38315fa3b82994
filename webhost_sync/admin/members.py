"""The members of a customer: who they are, and how more of them come and some of them go.

Admins look after viewers and admins; who is an owner is for owners to say. Nobody learns here whether
an email has an account with another customer: an invitation looks the same in both cases.
"""

from __future__ import annotations

from uuid import UUID

from store.audit import Deed
from store.contract import Tenant
from store.sessions import Sessions
from store.users import LastOwner, MemberRole, UnknownUser, Users
from webhost_sync.admin import models
from webhost_sync.auth.links import invitation_link
from webhost_sync.auth.people import is_email
from webhost_sync.errors import InvalidRequest, NotAllowed, NotFound


class Members:
    """Members and invitations of all customers, one at a time."""

    def __init__(self, users: Users, sessions: Sessions) -> None:
        self._users = users
        self._sessions = sessions

    async def of(self, tenant: Tenant) -> models.Members:
        """Owners first, then admins and viewers."""
        members = [
            models.Member(
                id=member.user.id,
                email=member.user.email,
                name=member.user.name,
                role=member.role,
                since=member.since,
                last_signed_in_at=member.user.last_signed_in_at,
            )
            for member in await self._users.members(tenant.id)
        ]
        invitations = [
            models.Invitation(
                email=invitation.email,
                role=invitation.role,
                created_at=invitation.created_at,
                expires_at=invitation.expires_at,
            )
            for invitation in await self._sessions.invitations(tenant.slug)
        ]
        return models.Members(members=members, invitations=invitations)

    async def invite(
        self, tenant: Tenant, email: str, role: MemberRole, *, by: MemberRole, server_url: str, deed: Deed
    ) -> models.NewInvitation:
        """A link by which somebody joins. Raises: InvalidRequest, NotAllowed."""
        if not is_email(email):
            raise InvalidRequest("field 'email': this is no email address")
        _demand_rank(by, role)
        if email.lower() in {member.email for member in (await self.of(tenant)).members}:
            raise InvalidRequest("field 'email': this is a member already")
        link = await invitation_link(
            self._sessions, email, slug=tenant.slug, role=role, url=server_url, deed=deed
        )
        return models.NewInvitation(email=email.lower(), role=role, link=link)

    async def withdraw(self, tenant: Tenant, email: str, *, by: MemberRole, deed: Deed) -> None:
        """End an invitation. Raises: NotFound, NotAllowed."""
        found = [
            invitation for invitation in (await self.of(tenant)).invitations if invitation.email == email
        ]
        if not found:
            raise NotFound("no such invitation; it may have been accepted meanwhile")
        _demand_rank(by, found[0].role)
        await self._sessions.withdraw(tenant.slug, email, deed=deed)

    async def set_role(
        self, tenant: Tenant, user_id: UUID, role: MemberRole, *, by: MemberRole, deed: Deed
    ) -> None:
        """Raises: NotFound, NotAllowed, InvalidRequest (the last owner)."""
        _demand_rank(by, role, await self._role(tenant, user_id))
        try:
            await self._users.set_role(tenant.id, user_id, role, deed=deed)
        except UnknownUser as error:
            raise NotFound("no such member") from error
        except LastOwner as error:
            raise InvalidRequest(str(error)) from error

    async def remove(self, tenant: Tenant, user_id: UUID, *, by: MemberRole, deed: Deed) -> None:
        """Raises: NotFound, NotAllowed, InvalidRequest (the last owner)."""
        _demand_rank(by, await self._role(tenant, user_id))
        try:
            await self._users.remove(tenant.id, user_id, deed=deed)
        except UnknownUser as error:
            raise NotFound("no such member") from error
        except LastOwner as error:
            raise InvalidRequest(str(error)) from error

    async def _role(self, tenant: Tenant, user_id: UUID) -> MemberRole:
        for member in await self._users.members(tenant.id):
            if member.user.id == user_id:
                return member.role
        raise NotFound("no such member")


def _demand_rank(by: MemberRole, *roles: MemberRole) -> None:
    if MemberRole.OWNER in roles and by is not MemberRole.OWNER:
        raise NotAllowed("only an owner can make, change or remove an owner")
