"""People who sign in: their accounts, and what they are for each customer.

Called by `webhost_sync.auth.people` and the CLI. A membership holds for a customer's live and test
space alike, so it is written for both at once. Emails are compared in lower case. What passwords are
hashed with is not known here, and neither are sessions (`store.sessions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store.audit import Action, Deed, write_down
from store.contract import StoreError, Tenant
from store.database import Database
from store.schema import memberships, sessions, tenants, users
from store.tenants import tenant_of


class MemberRole(StrEnum):
    """What a person is for a customer; each may do what those below it may."""

    OWNER = "owner"
    """Says who is an owner."""
    ADMIN = "admin"
    """Changes keys, connections and members that aren't owners."""
    VIEWER = "viewer"
    """Sees no secret and changes nothing."""

    def includes(self, other: MemberRole) -> bool:
        order = list(MemberRole)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class User:
    """An account. The hash of its password is given out by `Users.find` alone."""

    id: UUID
    email: str
    name: str
    has_password: bool
    created_at: datetime
    last_signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """What the user is for the tenant (one space of the customer)."""

    tenant: Tenant
    role: MemberRole


@dataclass(frozen=True, slots=True)
class Member:
    user: User
    role: MemberRole
    since: datetime


class UserExists(StoreError):
    """There is an account of that email already."""


class UnknownUser(StoreError):
    """There is no such account, or it is no member."""


class UnknownCustomer(StoreError):
    """There is no tenant of that slug."""


class LastOwner(StoreError):
    """A customer keeps at least one owner; make another member an owner first."""

    def __str__(self) -> str:
        return LastOwner.__doc__ or ""


USER_COLUMNS = (
    users.c.id, users.c.email, users.c.name, users.c.password_hash.is_not(None).label("has_password"),
    users.c.created_at, users.c.last_signed_in_at,
)  # fmt: skip


class Users:
    """Every method is one transaction, and raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, email: str) -> tuple[User, str | None] | None:
        """The account of that email, and the hash of its password if it has one."""
        query = select(*USER_COLUMNS, users.c.password_hash).where(users.c.email == email.lower())
        async with self._database.accounts() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (User(*row[:-1]), row.password_hash)

    async def create(
        self, email: str, name: str, password_hash: str | None, *, slug: str, role: MemberRole, deed: Deed
    ) -> User:
        """Make an account that is a member of a customer. Raises: UserExists, UnknownCustomer."""
        async with self._database.accounts() as connection:
            spaces = await spaces_of(connection, slug)
            user = await insert_user(connection, email, name, password_hash)
            await add_member(connection, spaces, user, role, deed)
            return user

    async def add(self, email: str, *, slug: str, role: MemberRole, deed: Deed) -> User:
        """Make an account a member of a further customer, or give it another role there.

        Raises: UnknownUser, UnknownCustomer.
        """
        async with self._database.accounts() as connection:
            spaces = await spaces_of(connection, slug)
            user = await _account(connection, email)
            await add_member(connection, spaces, user, role, deed)
            return user

    async def memberships(self, user_id: UUID) -> tuple[Membership, ...]:
        """Every space that the user may enter, by slug, live before test."""
        async with self._database.accounts() as connection:
            return await memberships_of(connection, user_id)

    async def members(self, tenant_id: int) -> tuple[Member, ...]:
        """The members of a customer, owners first, then by email."""
        query = (
            select(memberships.c.role, memberships.c.created_at.label("since"), *USER_COLUMNS)
            .join(users, users.c.id == memberships.c.user_id)
            .where(memberships.c.tenant_id == tenant_id)
            .order_by(users.c.email)
        )
        async with self._database.accounts() as connection:
            rows = (await connection.execute(query)).all()
        found = [Member(User(*row[2:]), MemberRole(row.role), row.since) for row in rows]
        return tuple(sorted(found, key=lambda member: list(MemberRole).index(member.role)))

    async def all(self) -> tuple[tuple[User, tuple[Membership, ...]], ...]:
        """Every account by email, with what it is a member of."""
        async with self._database.accounts() as connection:
            rows = (await connection.execute(select(*USER_COLUMNS).order_by(users.c.email))).all()
            return tuple([(User(*row), await memberships_of(connection, row.id)) for row in rows])

    async def set_role(self, tenant_id: int, user_id: UUID, role: MemberRole, *, deed: Deed) -> User:
        """Give a member another role in both spaces. Raises: UnknownUser (no member), LastOwner."""
        async with self._database.accounts() as connection:
            spaces, user, before = await _member(connection, tenant_id, user_id)
            if role is not MemberRole.OWNER:
                await _demand_another_owner(connection, tenant_id, user_id)
            ours = (memberships.c.tenant_id.in_(spaces), memberships.c.user_id == user_id)
            await connection.execute(update(memberships).where(*ours).values(role=role.value))
            if role is not before:
                await write_down(
                    connection, spaces, deed, Action.MEMBER_ROLE, user.email, before=before, after=role
                )
            return user

    async def remove(self, tenant_id: int, user_id: UUID, *, deed: Deed) -> User:
        """End a membership; the account stays. Raises: UnknownUser (no member), LastOwner."""
        async with self._database.accounts() as connection:
            spaces, user, role = await _member(connection, tenant_id, user_id)
            await _demand_another_owner(connection, tenant_id, user_id)
            ours = (memberships.c.tenant_id.in_(spaces), memberships.c.user_id == user_id)
            await connection.execute(delete(memberships).where(*ours))
            await write_down(connection, spaces, deed, Action.MEMBER_REMOVE, user.email, role=role)
            return user

    async def set_password(self, email: str, password_hash: str, *, deed: Deed) -> User:
        """Change the password and end every session of the account. Raises: UnknownUser."""
        async with self._database.accounts() as connection:
            user = await _account(connection, email)
            changed = update(users).where(users.c.id == user.id).values(password_hash=password_hash)
            await connection.execute(changed)
            await connection.execute(delete(sessions).where(sessions.c.user_id == user.id))
            spaces = [space.tenant.id for space in await memberships_of(connection, user.id)]
            await write_down(connection, spaces, deed, Action.USER_PASSWORD, user.email)
            return user


async def spaces_of(connection: AsyncConnection, slug: str) -> list[int]:
    """The live and the test tenant of a customer. Raises: UnknownCustomer."""
    query = select(tenants.c.id).where(tenants.c.slug == slug).order_by(tenants.c.environment)
    found = list(await connection.scalars(query))
    if not found:
        raise UnknownCustomer(
            f"there is no tenant {slug!r}; `webhost-sync tenant list` shows those there are"
        )
    return found


async def insert_user(connection: AsyncConnection, email: str, name: str, password_hash: str | None) -> User:
    """Raises: UserExists."""
    values = {"email": email.lower(), "name": name, "password_hash": password_hash}
    made = insert(users).values(values).on_conflict_do_nothing().returning(*USER_COLUMNS)
    row = (await connection.execute(made)).one_or_none()
    if row is None:
        raise UserExists(f"there is an account {email.lower()!r} already")
    return User(*row)


async def add_member(
    connection: AsyncConnection, spaces: list[int], user: User, role: MemberRole, deed: Deed
) -> None:
    rows = [{"tenant_id": space, "user_id": user.id, "role": role.value} for space in spaces]
    added = insert(memberships).values(rows)
    replaced = added.on_conflict_do_update(
        index_elements=["tenant_id", "user_id"], set_={"role": added.excluded.role}
    )
    await connection.execute(replaced)
    await write_down(connection, spaces, deed, Action.MEMBER_ADD, user.email, role=role)


async def memberships_of(connection: AsyncConnection, user_id: UUID) -> tuple[Membership, ...]:
    rows = (await connection.execute(_memberships().where(memberships.c.user_id == user_id))).all()
    return tuple(map(membership_of, rows))


def _memberships() -> Select[Any]:
    columns = (tenants.c.id, tenants.c.slug, tenants.c.name, tenants.c.environment, tenants.c.created_at)
    joined = memberships.join(tenants, tenants.c.id == memberships.c.tenant_id)
    query = select(*columns, memberships.c.role).select_from(joined)
    return query.order_by(tenants.c.slug, tenants.c.environment)


def membership_of(row: Row[*tuple[Any, ...]]) -> Membership:
    return Membership(tenant_of(row), MemberRole(row.role))


async def _account(connection: AsyncConnection, email: str) -> User:
    row = (
        await connection.execute(select(*USER_COLUMNS).where(users.c.email == email.lower()))
    ).one_or_none()
    if row is None:
        raise UnknownUser(f"there is no account {email!r}; `webhost-sync user list` shows those there are")
    return User(*row)


async def _member(
    connection: AsyncConnection, tenant_id: int, user_id: UUID
) -> tuple[list[int], User, MemberRole]:
    """Both spaces of the tenant's customer, the member, and its role; its rows are locked."""
    query = (
        select(memberships.c.role, tenants.c.slug, *USER_COLUMNS)
        .join(users, users.c.id == memberships.c.user_id)
        .join(tenants, tenants.c.id == memberships.c.tenant_id)
        .where(memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id)
        .with_for_update(of=memberships)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownUser("there is no such member")
    return await spaces_of(connection, row.slug), User(*row[2:]), MemberRole(row.role)


async def _demand_another_owner(connection: AsyncConnection, tenant_id: int, user_id: UUID) -> None:
    """The owners' rows are locked, so that two that leave at once don't both see the other stay."""
    owners = select(memberships.c.user_id).where(
        memberships.c.tenant_id == tenant_id, memberships.c.role == MemberRole.OWNER.value
    )
    found = set(await connection.scalars(owners.order_by(memberships.c.user_id).with_for_update()))
    if found == {user_id}:
        raise LastOwner()


async def note_sign_in(connection: AsyncConnection, user_id: UUID) -> None:
    seen = update(users).where(users.c.id == user_id).values(last_signed_in_at=func.now())
    await connection.execute(seen)
