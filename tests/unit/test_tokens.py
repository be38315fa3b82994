"""Tokens: signed by us, short-lived, and never more than their key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from tests.unit.principals import EVERYTHING, KEY, NOW
from webhost_sync.auth.issuing import issue_token
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.auth.tokens import SALT, SIGNER, Tokens
from webhost_sync.errors import InvalidRequest, NotAuthenticated, TokenExpired

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TOKENS = Tokens(["a secret"], max_lifetime=DAY)
TOKEN = replace(KEY, subject="ada", device="phone", token_id="t1", expires_at=NOW + HOUR, scopes=frozenset())


@given(
    subject=st.text(max_size=50),
    grants=st.lists(st.builds(Grant.of, st.text("ab/*", min_size=1), st.just(["read", "write"])), max_size=3),
    scopes=st.frozensets(st.sampled_from(Scope)),
)
def test_a_token_says_what_was_put_in(subject: str, grants: list[Grant], scopes: frozenset[Scope]) -> None:
    principal = replace(TOKEN, subject=subject, grants=tuple(grants), scopes=scopes)
    assert TOKENS.verify(TOKENS.issue(principal, now=NOW), now=NOW) == principal


def test_a_token_holds_until_its_last_moment_and_no_longer() -> None:
    token = TOKENS.issue(TOKEN, now=NOW)
    TOKENS.verify(token, now=NOW + HOUR - timedelta(microseconds=1))
    with pytest.raises(TokenExpired, match="13:00:00 UTC"):
        TOKENS.verify(token, now=NOW + HOUR)


@pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR, DAY + timedelta(seconds=1)])
def test_a_token_of_an_impossible_lifetime_is_not_issued(lifetime: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="86400 seconds"):
        TOKENS.issue(replace(TOKEN, expires_at=NOW + lifetime), now=NOW)


def test_a_shortened_maximum_shortens_tokens_that_are_out() -> None:
    token = TOKENS.issue(replace(TOKEN, expires_at=NOW + DAY), now=NOW)
    strict = Tokens(["a secret"], max_lifetime=HOUR)
    assert strict.verify(token, now=NOW).expires_at == NOW + HOUR
    with pytest.raises(TokenExpired):
        strict.verify(token, now=NOW + HOUR)


def test_a_new_secret_signs_while_the_old_one_still_verifies() -> None:
    rotated = Tokens(["a newer secret", "a secret"], max_lifetime=DAY)
    assert rotated.verify(TOKENS.issue(TOKEN, now=NOW), now=NOW) == TOKEN
    with pytest.raises(NotAuthenticated, match="secret was replaced"):
        TOKENS.verify(rotated.issue(TOKEN, now=NOW), now=NOW)


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    token = TOKENS.issue(TOKEN, now=NOW)
    # The last character stands for fewer bits than it could, so others decode to the same.
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from([letter for letter in "AZaz09-_" if letter != token[place]]))
    with pytest.raises(NotAuthenticated):
        TOKENS.verify(token[:place] + other + token[place + 1 :], now=NOW)


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        TOKENS.verify(text, now=NOW)


def test_an_endless_text_is_refused_unread() -> None:
    with pytest.raises(NotAuthenticated, match="too long"):
        TOKENS.verify("a" * 1_000_000, now=NOW)


def test_a_token_too_long_to_send_is_not_issued() -> None:
    many = tuple(Grant.of(sha256(bytes([number])).hexdigest(), ["read"]) for number in range(200))
    with pytest.raises(InvalidRequest, match="fewer patterns"):
        TOKENS.issue(replace(TOKEN, grants=many), now=NOW)


def test_a_token_from_the_future_is_refused() -> None:
    token = TOKENS.issue(TOKEN, now=NOW)
    TOKENS.verify(token, now=NOW - timedelta(seconds=59))
    with pytest.raises(NotAuthenticated, match="clocks"):
        TOKENS.verify(token, now=NOW - timedelta(seconds=61))


def test_a_token_of_another_version_is_refused() -> None:
    other = URLSafeSerializer("a secret", salt=SALT, signer_kwargs=SIGNER).dumps({"v": 2})
    with pytest.raises(NotAuthenticated, match="another version"):
        TOKENS.verify(str(other), now=NOW)


def test_tokens_need_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Tokens([], max_lifetime=DAY)


def test_a_token_does_not_outlive_its_key() -> None:
    token, principal = issued(replace(KEY, expires_at=NOW + timedelta(minutes=5)))
    assert principal.expires_at == NOW + timedelta(minutes=5)
    assert TOKENS.verify(token, now=NOW) == principal


def test_a_token_names_the_key_that_issued_it() -> None:
    token, _ = issued(KEY)
    assert TOKENS.verify(token, now=NOW).key_id == KEY.key_id


def issued(key: Principal) -> tuple[str, Principal]:
    return issue_token(TOKENS, key, token_id="t2", subject="ada", grants=[EVERYTHING], lifetime=HOUR, now=NOW)
