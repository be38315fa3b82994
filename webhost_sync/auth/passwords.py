"""Passwords of people: argon2id, checked off the event loop, and as slow for an unknown account.

A check takes 64 MiB and some 50 ms of one core, so at most `AT_ONCE` run at the same time; the others
wait in line. Knows no account.
"""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from webhost_sync.errors import InvalidRequest

MIN_CHARACTERS = 12
MAX_CHARACTERS = 200
"""Longer than any passphrase; a limit, so that nobody makes us hash megabytes."""
AT_ONCE = 2


class Passwords:
    """Makes and checks hashes. Belongs to one event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        # Of no password: what is checked for an account that isn't there, so that it takes as long. Made with
        # the first check, whoever that is of: most processes never see a password.
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Raises: InvalidRequest (too short or too long)."""
        demand_usable(password)
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password of this hash; None (no account, or none with a password) is never it."""
        if len(password) > MAX_CHARACTERS:
            return False
        async with self._turn:
            if self._decoy is None:
                self._decoy = await asyncio.to_thread(self._hasher.hash, "no account has this password")
            fits = await asyncio.to_thread(self._verify, password, password_hash or self._decoy)
        return fits and password_hash is not None

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False


def hash_password(password: str) -> str:
    """For commands, which have no event loop. Raises: InvalidRequest."""
    demand_usable(password)
    return PasswordHasher().hash(password)


def demand_usable(password: str) -> None:
    """Raises: InvalidRequest (too short or too long)."""
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise InvalidRequest(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
