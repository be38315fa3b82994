"""API keys as text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.contract import Environment
from webhost_sync.auth.keys import is_key, new_key, parse_key
from webhost_sync.errors import NotAuthenticated

SECRET = bytes(range(32))
secrets = st.binary(min_size=32, max_size=32)


@given(st.sampled_from(Environment), secrets)
def test_a_key_is_read_as_it_was_made(environment: Environment, secret: bytes) -> None:
    key = new_key(environment, secret)
    assert parse_key(key.text) == key
    assert is_key(key.text)
    assert key.text == f"whs_{environment.value}_{secret.hex()}"


def test_the_hash_is_the_sha_256_of_the_whole_text() -> None:
    key = new_key(Environment.LIVE, SECRET)
    assert key.hash == hashlib.sha256(key.text.encode()).digest()


def test_the_prefix_shows_the_kind_and_eight_digits() -> None:
    assert new_key(Environment.TEST, SECRET).prefix == "whs_test_00010203"


def test_a_key_does_not_show_in_its_repr() -> None:
    assert SECRET.hex() not in repr(new_key(Environment.LIVE, SECRET))


def test_a_key_is_made_of_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        new_key(Environment.LIVE, SECRET[:31])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("whs_prod_" + "0" * 64, "begins with whs_live_ or whs_test_"),
        ("whs_live_" + "0" * 63, "this one has 63"),
        ("whs_live_" + "0" * 65, "this one has 65"),
        ("whs_live_" + "A" * 64, "only the digits 0-9 and a-f"),
        ("whs_live_" + "\u0660" * 64, "only the digits 0-9 and a-f"),
        ("", "begins with"),
    ],
)
def test_a_malformed_key_is_refused_with_the_reason_and_without_the_key(text: str, reason: str) -> None:
    with pytest.raises(NotAuthenticated, match=reason) as refused:
        parse_key(text)
    assert text == "" or text not in str(refused.value)
