"""Principals for the tests: a key of the tenant acme, and what differs from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from store.contract import Environment
from webhost_sync.auth.principals import Grant, Principal, Scope

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVERYTHING = Grant.of("*", ["read", "write", "presence"])

KEY = Principal(
    tenant_id=7,
    tenant_slug="acme",
    environment=Environment.LIVE,
    subject="key:whs_live_00000000",
    device="",
    grants=(EVERYTHING,),
    scopes=frozenset({Scope.HISTORY}),
    key_id=UUID(int=1),
    token_id=None,
    expires_at=None,
)


def principal(*grants: Grant, **fields: Any) -> Principal:
    """The key with other grants, and with other fields where they matter."""
    return replace(KEY, grants=grants, **fields)
