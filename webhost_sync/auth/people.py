"""How a person comes in: by password, by a one-time link, or by an invitation; and goes out again.

Called by the pages. In: what was typed. Out: a session, or an error that says the same whether the
account is unknown, the password wrong, or there is none: and takes as long. Failures are counted by
account and by address (`throttle`). Knows no cookies' form and no HTTP.
"""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from store.audit import Deed
from store.sessions import Link, Session, SessionEntry, Sessions
from store.users import User, UserExists, Users
from webhost_sync.auth.cookies import ID_BYTES, SecretId
from webhost_sync.auth.passwords import Passwords, demand_usable
from webhost_sync.auth.throttle import Throttle
from webhost_sync.config import Settings
from webhost_sync.errors import InvalidRequest, NotAuthenticated, TooManyRequests

logger = structlog.get_logger(__name__)
MAX_EMAIL_CHARACTERS = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")
WRONG = "email and password don't belong together"
GONE = "this link was used, has expired or was withdrawn; ask for a new one"
ADDRESS_FACTOR = 10
"""So many accounts may be behind one address before their mistakes are held against each other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from."""

    address: str
    agent: str
    request_id: str

    def deed(self, user: User) -> Deed:
        return Deed(f"user:{user.email}", self.address, self.request_id)


class People:
    """The accounts of this server, as sign-in uses them."""

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        passwords: Passwords,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._settings = settings
        self._clock = clock
        attempts, window = settings.sign_in_attempts, settings.sign_in_window
        self._by_account = Throttle(attempts, window)
        self._by_address = Throttle(attempts * ADDRESS_FACTOR, window)

    async def sign_in(self, email: str, password: str, place: Place) -> SecretId:
        """A new session. Raises: NotAuthenticated, TooManyRequests (try later, even with the right one)."""
        user = await self._checked(email, password, place)
        return await self._start(user, place)

    async def session(self, session_id: SecretId) -> Session | None:
        """The session of this id, if it stands."""
        idle = timedelta(seconds=self._settings.session_idle_timeout)
        return await self._sessions.find(session_id.hash, idle=idle)

    async def sign_out(self, session_id: SecretId, user: User, place: Place) -> None:
        await self._sessions.end(session_id.hash, deed=place.deed(user))

    async def sessions_of(self, user: User, this: SecretId) -> tuple[SessionEntry, ...]:
        """Where the person is signed in, the latest seen first."""
        return await self._sessions.of_user(user.id, this.hash)

    async def end_others(self, user: User, this: SecretId) -> int:
        """Sign out everywhere else; returns in how many places that was."""
        return await self._sessions.end_others(user.id, this.hash)

    async def look_at_link(self, link_id: SecretId) -> Link:
        """What a one-time link is for; looking uses nothing up. Raises: InvalidRequest."""
        link = await self._sessions.look_at_link(link_id.hash)
        if link is None:
            raise InvalidRequest(GONE)
        return link

    async def sign_in_by_link(self, link_id: SecretId, place: Place) -> SecretId:
        """A new session; the link is used up. Raises: InvalidRequest."""
        user = await self._sessions.use_link(link_id.hash)
        if user is None:
            raise InvalidRequest(GONE)
        return await self._start(user, place)

    async def accept(self, link_id: SecretId, name: str, password: str, place: Place) -> SecretId:
        """Accept an invitation, and sign in. Who has an account gives its password, who hasn't makes one.

        Raises: InvalidRequest, NotAuthenticated, TooManyRequests.
        """
        link = await self.look_at_link(link_id)
        demand_usable(password)
        found = await self._users.find(link.email)
        if found is None:
            user, password_hash = None, await self._passwords.hash(password)
        else:
            user, password_hash = await self._checked(link.email, password, place), ""
        deed = Deed(f"user:{link.email}", place.address, place.request_id)
        try:
            member = await self._sessions.accept(
                link_id.hash, user, name=name or link.email, password_hash=password_hash, deed=deed
            )
        except UserExists as error:
            raise NotAuthenticated(WRONG) from error
        if member is None:
            raise InvalidRequest(GONE)
        return await self._start(member, place)

    async def change_password(self, user: User, current: str, new: str, place: Place) -> SecretId:
        """Change it and end every session; a new one is for whoever changed it.

        An account that came by a link and has no password yet needs no current one.
        Raises: NotAuthenticated (the current one is wrong), InvalidRequest, TooManyRequests.
        """
        demand_usable(new)
        if user.has_password:
            await self._checked(user.email, current, place)
        await self._users.set_password(user.email, await self._passwords.hash(new), deed=place.deed(user))
        return await self._start(user, place)

    async def _checked(self, email: str, password: str, place: Place) -> User:
        account, now = email.strip().lower(), self._clock()
        wait = max(self._by_account.wait(account, now), self._by_address.wait(place.address, now))
        if wait > 0:
            raise TooManyRequests(f"too many wrong passwords; try again in {_spoken(wait)}")
        self._by_account.take(account, now)
        self._by_address.take(place.address, now)
        found = await self._users.find(account) if is_email(account) else None
        user, password_hash = found or (None, None)
        fits = await self._passwords.check(password, password_hash)
        if user is None or not fits:
            logger.info("sign-in refused", address=place.address)
            raise NotAuthenticated(WRONG)
        self._by_account.forget(account)
        self._by_address.give_back(place.address, self._clock())
        return user

    async def _start(self, user: User, place: Place) -> SecretId:
        session_id = new_id()
        await self._sessions.start(
            user,
            session_id.hash,
            lifetime=timedelta(seconds=self._settings.session_lifetime),
            address=place.address,
            agent=place.agent[:200],
            deed=place.deed(user),
        )
        return session_id


def new_id() -> SecretId:
    """An id that nobody can guess."""
    return SecretId(secrets.token_bytes(ID_BYTES))


def is_email(text: str) -> bool:
    """Whether mail could be sent to it, as far as its form can tell."""
    return len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text) is not None


def _spoken(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 90 else f"{math.ceil(seconds / 60)} min"
