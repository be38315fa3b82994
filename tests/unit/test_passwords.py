"""Passwords: hashed so that nobody reads them, and as slow for an account that isn't there."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from webhost_sync.auth.passwords import Passwords, hash_password
from webhost_sync.errors import InvalidRequest

FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_the_right_one_fits_and_no_other() -> None:
    passwords = Passwords(FAST)
    hashed = await passwords.hash("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert await passwords.check("correct horse battery", hashed)
    assert not await passwords.check("correct horse batterY", hashed)
    assert not await passwords.check("x" * 10_000, hashed)


async def test_no_account_has_the_decoys_password() -> None:
    assert not await Passwords(FAST).check("no account has this password", None)


async def test_a_hash_that_is_none_fits_nothing() -> None:
    assert not await Passwords(FAST).check("correct horse battery", "not a hash")


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 201])
def test_short_and_huge_ones_are_refused(password: str) -> None:
    with pytest.raises(InvalidRequest, match="12 to 200"):
        hash_password(password)
