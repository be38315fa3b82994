"""Cookies of people: believed only with our signature, and forms only with their proof."""

from __future__ import annotations

import pytest

from webhost_sync.auth.cookies import (
    SESSION_COOKIE,
    VISITOR_COOKIE,
    CookieSigner,
    SecretId,
    link_text,
    read_link,
)

OLD, NEW = "o" * 32, "n" * 32
ID = SecretId(bytes(range(32)))


def test_what_was_signed_is_read_again() -> None:
    signer = CookieSigner([NEW])
    assert signer.load(SESSION_COOKIE, signer.dump(SESSION_COOKIE, ID)) == ID


@pytest.mark.parametrize("value", [None, "", "garbage", "ab.cd", "x" * 2000])
def test_what_is_not_ours_is_no_id(value: str | None) -> None:
    assert CookieSigner([NEW]).load(SESSION_COOKIE, value) is None


def test_a_visitor_is_no_session() -> None:
    signer = CookieSigner([NEW])
    assert signer.load(SESSION_COOKIE, signer.dump(VISITOR_COOKIE, ID)) is None


def test_a_secret_can_be_replaced() -> None:
    signed = CookieSigner([OLD]).dump(SESSION_COOKIE, ID)
    assert CookieSigner([NEW, OLD]).load(SESSION_COOKIE, signed) == ID
    assert CookieSigner([NEW]).load(SESSION_COOKIE, signed) is None


def test_a_proof_belongs_to_one_id() -> None:
    signer = CookieSigner([NEW])
    proof = signer.proof(ID)
    assert signer.is_proof(ID, proof)
    for wrong in ("", proof[:-1], signer.proof(SecretId(bytes(32))), CookieSigner([OLD]).proof(ID), "ü"):
        assert not signer.is_proof(ID, wrong)


def test_an_id_is_not_shown() -> None:
    assert ID.value.hex() not in repr(ID)
    assert ID.hash not in (ID.value, b"")


def test_a_link_is_read_or_not() -> None:
    assert read_link(link_text(ID)) == ID
    assert read_link("abc") is None
    assert read_link("00") is None
