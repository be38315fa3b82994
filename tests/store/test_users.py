"""Accounts, sessions and links in the database: what two at once can't both do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from store.audit import SYSTEM, AuditFilter, AuditLog
from store.contract import Environment, Tenant, Unavailable
from store.database import Database
from store.schema import audit_log
from store.sessions import Sessions
from store.tenants import Tenants
from store.users import LastOwner, MemberRole, UnknownCustomer, UnknownUser, User, UserExists, Users

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class World:
    """Two customers, and the people of the database."""

    database: Database
    users: Users
    sessions: Sessions
    acme: Tenant
    other: Tenant

    async def user(self, name: str = "ada", role: MemberRole = MemberRole.OWNER) -> User:
        return await self.users.create(f"{name}@a.example", name, None, slug="acme", role=role, deed=SYSTEM)

    async def owners(self) -> list[str]:
        members = await self.users.members(self.acme.id)
        return [member.user.name for member in members if member.role is MemberRole.OWNER]


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with Database(database_url) as database:
        acme, _ = await Tenants(database).create("acme", "Acme")
        other, _ = await Tenants(database).create("other", "Other")
        yield World(database, Users(database), Sessions(database), acme, other)


async def test_a_membership_holds_for_both_spaces_of_one_customer(world: World) -> None:
    user = await world.user()
    spaces = await world.users.memberships(user.id)
    assert [(m.tenant.slug, m.tenant.environment, m.role) for m in spaces] == [
        ("acme", Environment.LIVE, MemberRole.OWNER),
        ("acme", Environment.TEST, MemberRole.OWNER),
    ]


async def test_emails_are_one_account_in_any_case(world: World) -> None:
    user = await world.user("Ada")
    assert user.email == "ada@a.example"
    assert await world.users.find("ADA@A.example") == (user, None)
    with pytest.raises(UserExists):
        await world.user("ADA")


async def test_an_account_needs_a_customer_that_is_there(world: World) -> None:
    with pytest.raises(UnknownCustomer):
        await world.users.create("a@b", "a", None, slug="nobody", role=MemberRole.OWNER, deed=SYSTEM)
    assert await world.users.find("a@b") is None


async def test_two_owners_that_leave_at_once_leave_one(world: World) -> None:
    both = [await world.user(name) for name in ("ada", "bob")]
    attempts = (world.users.remove(world.acme.id, user.id, deed=SYSTEM) for user in both)
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    # Postgres may end one of the two because they wait for each other: that one is to come again.
    assert [isinstance(result, LastOwner | Unavailable) for result in ended].count(True) == 1
    assert len(await world.owners()) == 1


async def test_two_owners_that_step_down_at_once_leave_one(world: World) -> None:
    both = [await world.user(name) for name in ("ada", "bob")]
    attempts = (world.users.set_role(world.acme.id, user.id, MemberRole.VIEWER, deed=SYSTEM) for user in both)
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    # Postgres may end one of the two because they wait for each other: that one is to come again.
    assert [isinstance(result, LastOwner | Unavailable) for result in ended].count(True) == 1
    assert len(await world.owners()) == 1


async def test_a_member_of_another_customer_is_unknown(world: World) -> None:
    user = await world.user()
    with pytest.raises(UnknownUser):
        await world.users.remove(world.other.id, user.id, deed=SYSTEM)
    with pytest.raises(UnknownUser):
        await world.users.set_role(world.other.id, user.id, MemberRole.VIEWER, deed=SYSTEM)


async def test_a_link_is_used_once_however_many_come(world: World) -> None:
    user = await world.user()
    await world.sessions.make_link(user.email, bytes(32), lifetime=HOUR, deed=SYSTEM)
    used = await asyncio.gather(*(world.sessions.use_link(bytes(32)) for _ in range(6)))
    assert [found for found in used if found is not None] == [user]


async def test_an_invitation_is_accepted_once_however_many_come(world: World) -> None:
    await world.sessions.invite(
        "acme", "new@a.example", MemberRole.ADMIN, bytes(32), lifetime=HOUR, deed=SYSTEM
    )
    accepted = await asyncio.gather(
        *(
            world.sessions.accept(bytes(32), None, name="New", password_hash="x", deed=SYSTEM)
            for _ in range(6)
        )
    )
    assert len([user for user in accepted if user is not None]) == 1
    assert await world.sessions.invitations("acme") == ()


async def test_a_second_invitation_ends_the_first(world: World) -> None:
    for number in (1, 2):
        await world.sessions.invite(
            "acme", "new@a.example", MemberRole.ADMIN, bytes([number] * 32), lifetime=HOUR, deed=SYSTEM
        )
    assert await world.sessions.look_at_link(bytes([1] * 32)) is None
    assert await world.sessions.look_at_link(bytes([2] * 32)) is not None
    assert await world.sessions.use_link(bytes([2] * 32)) is None  # it is none to sign in with


async def test_a_new_password_ends_every_session(world: World) -> None:
    user = await world.user()
    for number in (1, 2):
        await world.sessions.start(
            user, bytes([number] * 32), lifetime=HOUR, address="", agent="", deed=SYSTEM
        )
    await world.users.set_password(user.email, "a hash", deed=SYSTEM)
    for number in (1, 2):
        assert await world.sessions.find(bytes([number] * 32), idle=HOUR) is None


async def test_a_line_of_the_audit_log_is_there_with_its_change_or_not_at_all(world: World) -> None:
    user = await world.user()
    log = AuditLog(world.database)
    before = await log.page(world.acme.id, AuditFilter(), before=None, limit=100)
    with pytest.raises(LastOwner):
        await world.users.remove(world.acme.id, user.id, deed=SYSTEM)
    assert await log.page(world.acme.id, AuditFilter(), before=None, limit=100) == before


async def test_the_audit_log_can_not_be_changed_by_the_server(world: World) -> None:
    await world.user()
    for statement in (update(audit_log).values(actor="nobody"), text("delete from audit_log")):
        with pytest.raises(Exception, match="permission denied"):
            async with world.database.tenant(world.acme.id) as connection:
                await connection.execute(statement)
    async with world.database.tenant(world.acme.id) as connection:
        assert await connection.scalar(select(audit_log.c.actor).limit(1)) == "system"
