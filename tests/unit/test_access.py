"""The one door and its patterns: who may do what with which document."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.principals import EVERYTHING, KEY, principal
from webhost_sync.auth.access import access_api, access_document, access_token
from webhost_sync.auth.principals import Grant, Scope, covers, fits
from webhost_sync.errors import DocumentNotFound, InvalidRequest, NotAllowed

READ_ALL = Grant.of("*", ["read"])
patterns = st.text("ab/*", max_size=8)
names = st.text("ab/", max_size=10)


def test_a_pattern_without_a_star_means_one_document() -> None:
    assert fits("tables/vehicles", "tables/vehicles")
    assert not fits("tables/vehicles2", "tables/vehicles")
    assert not fits("Tables/vehicles", "tables/vehicles")


def test_a_star_takes_in_slashes_and_nothing_at_all() -> None:
    assert fits("track/bus-1/2026-05-01/phone", "track/bus-1/*")
    assert fits("track/bus-1/", "track/bus-1/*")
    assert not fits("track/bus-10/2026-05-01/phone", "track/bus-1/*")


def test_the_ends_of_a_pattern_do_not_share_characters() -> None:
    assert not fits("aba", "ab*ba")
    assert fits("abba", "ab*ba")


@given(names, patterns)
def test_a_pattern_fits_what_its_regular_expression_matches(name: str, pattern: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert fits(name, pattern) == bool(re.fullmatch(expression, name, re.DOTALL))


@given(patterns, patterns, names)
def test_what_fits_a_covered_pattern_fits_the_wider_one(wide: str, narrow: str, name: str) -> None:
    if covers(wide, narrow) and fits(name, narrow):
        assert fits(name, wide)


@given(patterns, st.lists(names, min_size=8, max_size=8))
def test_a_pattern_covers_what_is_made_by_filling_in_its_stars(pattern: str, fillings: list[str]) -> None:
    parts = pattern.split("*")
    filled = "".join(part + filling for part, filling in zip(parts, fillings, strict=False))
    assert covers(pattern, filled[: len(filled) - len(fillings[len(parts) - 1])])
    assert covers(pattern, pattern)


@pytest.mark.parametrize("grants", [(), (Grant.of("tables/drivers", ["read", "write"]),)])
def test_a_stranger_cannot_tell_a_forbidden_document_from_a_missing_one(grants: tuple[Grant, ...]) -> None:
    with pytest.raises(DocumentNotFound) as forbidden:
        access_document(principal(*grants), "tables/vehicles")
    with pytest.raises(DocumentNotFound) as forbidden_to_write:
        access_document(principal(*grants), "tables/vehicles", Scope.WRITE)
    assert str(forbidden.value) == str(forbidden_to_write.value)


def test_a_reader_is_told_that_it_may_not_write() -> None:
    access = access_document(principal(READ_ALL), "tables/vehicles")
    assert (access.read, access.write, access.presence) == (True, False, False)
    with pytest.raises(NotAllowed, match="'write'"):
        access_document(principal(READ_ALL), "tables/vehicles", Scope.WRITE)


def test_the_rights_of_all_fitting_grants_add_up() -> None:
    who = principal(
        READ_ALL, Grant.of("tables/*", ["read", "write"]), Grant.of("notes", ["read", "presence"])
    )
    rights = {name: access_document(who, name) for name in ("tables/vehicles", "notes", "other")}
    assert [access.write for access in rights.values()] == [True, False, False]
    # Whoever may write may show presence; a reader needs the right to.
    assert [access.presence for access in rights.values()] == [True, True, False]


@pytest.mark.parametrize("rights", [[], ["write"], ["presence"], ["read", "tokens"], ["read", "fly"]])
def test_rights_without_read_or_not_about_documents_are_refused(rights: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        Grant.of("*", rights)


@pytest.mark.parametrize("pattern", ["", "a" * 256, "a\0b"])
def test_an_unusable_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest, match="pattern"):
        Grant.of(pattern, ["read"])


def test_a_call_of_the_api_needs_its_scope() -> None:
    access_api(KEY, Scope.HISTORY)
    with pytest.raises(NotAllowed, match="admin"):
        access_api(KEY, Scope.ADMIN)


def test_a_token_cannot_issue_tokens() -> None:
    with pytest.raises(NotAllowed, match="use an API key"):
        access_token(principal(EVERYTHING, token_id="t1"), [READ_ALL], frozenset())


def test_a_token_gets_no_document_and_no_right_that_its_key_lacks() -> None:
    key = principal(Grant.of("tables/*", ["read", "write"]), READ_ALL)
    access_token(key, [Grant.of("tables/vehicles", ["read", "write"]), READ_ALL], frozenset())
    for grant in (Grant.of("*", ["read", "write"]), Grant.of("*", ["read", "presence"])):
        with pytest.raises(NotAllowed, match="the key itself"):
            access_token(key, [grant], frozenset())


def test_the_right_to_write_holds_that_to_presence_for_documents_and_tokens_alike() -> None:
    writer = principal(Grant.of("tables/*", ["read", "write"]))
    assert access_document(writer, "tables/vehicles", Scope.PRESENCE).presence
    access_token(writer, [Grant.of("tables/*", ["read", "presence"])], frozenset())


def test_a_token_gets_no_scope_that_its_key_lacks() -> None:
    access_token(KEY, [], frozenset({Scope.HISTORY}))
    with pytest.raises(NotAllowed, match="admin"):
        access_token(KEY, [], frozenset({Scope.ADMIN}))
