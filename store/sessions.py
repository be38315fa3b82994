"""Sessions of people, and the one-time links by which they come in for the first time.

The cookie and the link hold 32 random bytes; here is their SHA-256, so that whoever reads the database
can't sign in. A session is a row: deleted, it has ended, whatever the cookie says.

    link to sign in:    email
    link that invites:  email, the customer's slug, and the role; the account may be there or not
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, text, update

from store.audit import Action, Deed, write_down
from store.database import Database
from store.schema import sessions, sign_in_links, tenants, users
from store.users import (
    USER_COLUMNS,
    MemberRole,
    Membership,
    User,
    add_member,
    insert_user,
    memberships_of,
    note_sign_in,
    spaces_of,
)

_TOUCH = text(
    "update sessions set last_seen_at = now() where id_hash = :id_hash"
    " and last_seen_at < now() - interval '1 minute'"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in, and every space that they may enter now."""

    user: User
    memberships: tuple[Membership, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One line in the list of a person's sessions; `is_this` is the one that asks."""

    address: str
    agent: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link that can still be used. `slug`, `customer` and `role` are those of one that invites."""

    email: str
    slug: str | None
    customer: str | None
    role: MemberRole | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    email: str
    role: MemberRole
    created_at: datetime
    expires_at: datetime


class Sessions:
    """Every method is one transaction, and raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(
        self, user: User, id_hash: bytes, *, lifetime: timedelta, address: str, agent: str, deed: Deed
    ) -> None:
        """Sign a person in; sessions that have expired go."""
        values = {"id_hash": id_hash, "user_id": user.id, "address": address, "agent": agent}
        async with self._database.accounts() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires_at < func.now()))
            await connection.execute(insert(sessions).values(**values, expires_at=func.now() + lifetime))
            await note_sign_in(connection, user.id)
            spaces = [membership.tenant.id for membership in await memberships_of(connection, user.id)]
            await write_down(connection, spaces, deed, Action.USER_SIGN_IN, user.email)

    async def find(self, id_hash: bytes, *, idle: timedelta) -> Session | None:
        """The session, unless it has ended, expired, or was idle for longer. Notes that it was seen."""
        query = (
            select(sessions.c.expires_at, *USER_COLUMNS)
            .join(users, users.c.id == sessions.c.user_id)
            .where(
                sessions.c.id_hash == id_hash,
                sessions.c.expires_at > func.now(),
                sessions.c.last_seen_at > func.now() - idle,
            )
        )
        async with self._database.accounts() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None
            await connection.execute(_TOUCH, {"id_hash": id_hash})
            return Session(User(*row[1:]), await memberships_of(connection, row.id), row.expires_at)

    async def of_user(self, user_id: UUID, this: bytes) -> tuple[SessionEntry, ...]:
        """The person's sessions, the latest seen first."""
        query = select(sessions).where(sessions.c.user_id == user_id, sessions.c.expires_at > func.now())
        async with self._database.accounts() as connection:
            rows = (await connection.execute(query.order_by(sessions.c.last_seen_at.desc()))).all()
        return tuple(
            SessionEntry(row.address, row.agent, row.created_at, row.last_seen_at, row.id_hash == this)
            for row in rows
        )

    async def end(self, id_hash: bytes, *, deed: Deed) -> None:
        """Sign out. Ending it again changes nothing."""
        async with self._database.accounts() as connection:
            ended = delete(sessions).where(sessions.c.id_hash == id_hash).returning(sessions.c.user_id)
            user_id = await connection.scalar(ended)
            if user_id is not None:
                spaces = [membership.tenant.id for membership in await memberships_of(connection, user_id)]
                email = await connection.scalar(select(users.c.email).where(users.c.id == user_id))
                await write_down(connection, spaces, deed, Action.USER_SIGN_OUT, email or "")

    async def end_others(self, user_id: UUID, this: bytes) -> int:
        """Sign out everywhere else; returns in how many places that was."""
        others = (sessions.c.user_id == user_id, sessions.c.id_hash != this)
        async with self._database.accounts() as connection:
            result = await connection.execute(delete(sessions).where(*others))
            return int(getattr(result, "rowcount", 0))

    async def make_link(self, email: str, id_hash: bytes, *, lifetime: timedelta, deed: Deed) -> None:
        """A link by which the holder of an account signs in once."""
        async with self._database.accounts() as connection:
            await connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at < func.now()))
            values = {"email": email.lower(), "id_hash": id_hash, "expires_at": func.now() + lifetime}
            await connection.execute(insert(sign_in_links).values(**values))
            user_id = await connection.scalar(select(users.c.id).where(users.c.email == email.lower()))
            spaces = [m.tenant.id for m in await memberships_of(connection, user_id)] if user_id else []
            await write_down(connection, spaces, deed, Action.USER_LINK, email.lower())

    async def invite(
        self, slug: str, email: str, role: MemberRole, id_hash: bytes, *, lifetime: timedelta, deed: Deed
    ) -> None:
        """A link by which somebody becomes a member; an earlier one for the same email ends."""
        email = email.lower()
        async with self._database.accounts() as connection:
            spaces = await spaces_of(connection, slug)
            await connection.execute(delete(sign_in_links).where(*_open_invitation(slug, email)))
            values = {"email": email, "id_hash": id_hash, "slug": slug, "role": role.value}
            expires_at = func.now() + lifetime
            await connection.execute(insert(sign_in_links).values(**values, expires_at=expires_at))
            await write_down(connection, spaces, deed, Action.MEMBER_INVITE, email, role=role)

    async def invitations(self, slug: str) -> tuple[Invitation, ...]:
        """Those of a customer that can still be accepted, by email."""
        query = select(sign_in_links).where(
            sign_in_links.c.slug == slug,
            sign_in_links.c.used_at.is_(None),
            sign_in_links.c.expires_at > func.now(),
        )
        async with self._database.accounts() as connection:
            rows = await connection.execute(query.order_by(sign_in_links.c.email))
            return tuple(
                Invitation(row.email, MemberRole(row.role), row.created_at, row.expires_at) for row in rows
            )

    async def withdraw(self, slug: str, email: str, *, deed: Deed) -> bool:
        """End an invitation; tells whether there was one."""
        async with self._database.accounts() as connection:
            gone = delete(sign_in_links).where(*_open_invitation(slug, email.lower()))
            found = bool(getattr(await connection.execute(gone), "rowcount", 0))
            if found:
                spaces = await spaces_of(connection, slug)
                await write_down(connection, spaces, deed, Action.INVITATION_WITHDRAW, email.lower())
            return found

    async def look_at_link(self, id_hash: bytes) -> Link | None:
        """What the link is for, if it can still be used."""
        query = select(sign_in_links).where(
            sign_in_links.c.id_hash == id_hash,
            sign_in_links.c.used_at.is_(None),
            sign_in_links.c.expires_at > func.now(),
        )
        async with self._database.accounts() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None
            name = select(tenants.c.name).where(tenants.c.slug == row.slug).limit(1)
            return _link(row, await connection.scalar(name))

    async def use_link(self, id_hash: bytes) -> User | None:
        """Use up a link to sign in: the account it is for; None where it was used, or is of another kind."""
        async with self._database.accounts() as connection:
            email = await connection.scalar(_use(id_hash).where(sign_in_links.c.slug.is_(None)))
            query = select(*USER_COLUMNS).where(users.c.email == email)
            row = None if email is None else (await connection.execute(query)).one_or_none()
            return None if row is None else User(*row)

    async def accept(
        self, id_hash: bytes, user: User | None, *, name: str, password_hash: str, deed: Deed
    ) -> User | None:
        """Use up an invitation: make the account where there is none, and the membership.

        None where the invitation was used or withdrawn meanwhile. Raises: UserExists (made meanwhile).
        """
        async with self._database.accounts() as connection:
            used = _use(id_hash).where(sign_in_links.c.slug.is_not(None))
            row = (
                await connection.execute(used.returning(sign_in_links.c.slug, sign_in_links.c.role))
            ).one_or_none()
            if row is None or (user is not None and user.email != row.email):
                return None
            member = user or await insert_user(connection, row.email, name, password_hash)
            spaces = await spaces_of(connection, row.slug)
            await add_member(connection, spaces, member, MemberRole(row.role), deed)
            return member


def _open_invitation(slug: str, email: str) -> Iterable[Any]:
    return (
        sign_in_links.c.slug == slug,
        sign_in_links.c.email == email,
        sign_in_links.c.used_at.is_(None),
    )


def _use(id_hash: bytes) -> Any:
    """Of two that come at once, one finds the link unused."""
    unused = (
        sign_in_links.c.id_hash == id_hash,
        sign_in_links.c.used_at.is_(None),
        sign_in_links.c.expires_at > func.now(),
    )
    used = update(sign_in_links).where(*unused).values(used_at=func.now())
    return used.returning(sign_in_links.c.email)


def _link(row: Row[Any], customer: str | None) -> Link:
    role = None if row.role is None else MemberRole(row.role)
    return Link(row.email, row.slug, customer, role, row.expires_at)
