"""Tenants come in pairs, under one slug."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.contract import Environment
from store.database import Database
from store.tenants import InvalidSlug, Tenants


@pytest.fixture
async def tenants(database_url: str) -> AsyncIterator[Tenants]:
    async with Database(database_url) as database:
        yield Tenants(database)


async def test_a_customer_gets_a_live_and_a_test_tenant(tenants: Tenants) -> None:
    live, test = await tenants.create("acme", "Acme Buses")
    assert (live.environment, test.environment) == (Environment.LIVE, Environment.TEST)
    assert live.id != test.id
    assert {live.slug, test.slug} == {"acme"}
    assert {live.name, test.name} == {"Acme Buses"}


async def test_a_tenant_is_found_by_slug_and_environment(tenants: Tenants) -> None:
    live, test = await tenants.create("acme", "Acme")
    assert await tenants.find("acme", Environment.LIVE) == live
    assert await tenants.find("acme", Environment.TEST) == test
    assert await tenants.find("acm", Environment.LIVE) is None


async def test_tenants_are_listed_by_slug(tenants: Tenants) -> None:
    for slug in ("b", "a"):
        await tenants.create(slug, slug)
    assert [(tenant.slug, tenant.environment.value) for tenant in await tenants.all()] == [
        ("a", "live"),
        ("a", "test"),
        ("b", "live"),
        ("b", "test"),
    ]


async def test_a_slug_is_taken_once_and_a_refusal_leaves_nothing_behind(tenants: Tenants) -> None:
    await tenants.create("acme", "Acme")
    before = await tenants.all()
    with pytest.raises(InvalidSlug, match="there is a tenant 'acme' already"):
        await tenants.create("acme", "Another")
    assert await tenants.all() == before


@pytest.mark.parametrize("slug", ["a", "0", "a-b", "a" * 63])
async def test_a_slug_is_a_dns_label(tenants: Tenants, slug: str) -> None:
    await tenants.create(slug, "")


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "ä", "a_b", "a.b", "a/b", "a\n", "a" * 64])
async def test_any_other_slug_is_refused_with_the_rule(tenants: Tenants, slug: str) -> None:
    with pytest.raises(InvalidSlug, match="1 to 63 of a-z, 0-9 and -"):
        await tenants.create(slug, "")
