"""The one door for people: which space a session may enter, and what its role allows there.

A space is one tenant: a customer's live or test data. Every page is about exactly one, named in its
address, so that two tabs can't be mixed up. Pure; knows no store and no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.contract import Tenant
from store.users import MemberRole, Membership, User
from webhost_sync.auth.principals import Grant, Scope
from webhost_sync.errors import NotAllowed

READING = Grant("*", frozenset({Scope.READ}))
EDITING = Grant("*", frozenset({Scope.READ, Scope.WRITE, Scope.PRESENCE}))


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person in one space: what the pages know of whoever looks."""

    user: User
    tenant: Tenant
    role: MemberRole

    @property
    def subject(self) -> str:
        """The actor of what this person writes, in the audit log and in histories."""
        return f"user:{self.user.email}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What the person may do with documents."""
        return (EDITING,) if self.may(MemberRole.ADMIN) else (READING,)

    def may(self, need: MemberRole) -> bool:
        return self.role.includes(need)


def access_space(
    user: User, memberships: Sequence[Membership], slug: str, environment: str
) -> Visitor | None:
    """Let a person into a space. None where they are no member, or there is none: they can't tell which."""
    for membership in memberships:
        tenant = membership.tenant
        if (tenant.slug, tenant.environment.value) == (slug, environment):
            return Visitor(user, tenant, membership.role)
    return None


def access_role(visitor: Visitor, need: MemberRole) -> None:
    """Let somebody do what needs this role. Raises: NotAllowed."""
    if not visitor.may(need):
        raise NotAllowed(f"it needs the role {need.value!r}, and you are {visitor.role.value!r} here")
