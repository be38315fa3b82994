"""Tenants: the customers, each as a pair of one `live` and one `test` tenant under one slug.

Called by the CLI and by sign-up. Making and listing tenants crosses all of them, so it is done as
the owner of the schema; nothing here runs for a request of a tenant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.audit import SYSTEM, Action, Deed, write_down
from store.contract import Environment, StoreError, Tenant
from store.database import Database
from store.schema import tenants

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A DNS label, so that a slug can be part of a host name and needs no escaping anywhere."""
_COLUMNS = (tenants.c.id, tenants.c.slug, tenants.c.name, tenants.c.environment, tenants.c.created_at)


class InvalidSlug(StoreError):
    """The slug breaks the rules, or is taken; the message says which."""


class UnknownTenant(StoreError):
    """There is no tenant of that slug."""


class Tenants:
    """All tenants of a database, as its owner sees them. Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, slug: str, name: str, *, deed: Deed = SYSTEM) -> tuple[Tenant, Tenant]:
        """Make the live and the test tenant of a customer, both or none, and return them in this order.

        Raises: InvalidSlug.
        """
        if not SLUG.fullmatch(slug):
            raise InvalidSlug(
                f"slug {slug!r} can't be used: 1 to 63 of a-z, 0-9 and -, with no - at either end"
            )
        values = [{"slug": slug, "name": name, "environment": environment} for environment in Environment]
        try:
            async with self._database.owner() as connection:
                rows = [
                    (await connection.execute(insert(tenants).values(value).returning(*_COLUMNS))).one()
                    for value in values
                ]
                await write_down(
                    connection, [row.id for row in rows], deed, Action.TENANT_CREATE, slug, name=name
                )
        except IntegrityError as error:
            raise InvalidSlug(f"there is a tenant {slug!r} already; choose another slug") from error
        live, test = map(tenant_of, rows)
        return live, test

    async def all(self) -> tuple[Tenant, ...]:
        """Every tenant, by slug, live before test."""
        query = select(*_COLUMNS).order_by(tenants.c.slug, tenants.c.environment)
        async with self._database.owner() as connection:
            return tuple(map(tenant_of, await connection.execute(query)))

    async def find(self, slug: str, environment: Environment) -> Tenant | None:
        """The tenant of that slug, or None."""
        query = select(*_COLUMNS).where(tenants.c.slug == slug, tenants.c.environment == environment)
        async with self._database.owner() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else tenant_of(row)

    async def limits(self, slug: str, environment: Environment) -> Mapping[str, int]:
        """The rate limits that a tenant has instead of the settings'. Raises: UnknownTenant."""
        query = select(tenants.c.limits).where(tenants.c.slug == slug, tenants.c.environment == environment)
        async with self._database.owner() as connection:
            return _limits_of((await connection.execute(query)).scalar_one_or_none(), slug)

    async def set_limits(
        self, slug: str, environment: Environment, changed: Mapping[str, int | None], *, deed: Deed = SYSTEM
    ) -> Mapping[str, int]:
        """Change some of them, None going back to the settings; returns what holds then.

        Raises: UnknownTenant.
        """
        query = (
            select(tenants.c.id, tenants.c.limits)
            .where(tenants.c.slug == slug, tenants.c.environment == environment)
            .with_for_update()
        )
        async with self._database.owner() as connection:
            row = (await connection.execute(query)).one_or_none()
            before = _limits_of(None if row is None else row.limits, slug)
            assert row is not None
            after = {name: amount for name, amount in {**before, **changed}.items() if amount is not None}
            await connection.execute(update(tenants).where(tenants.c.id == row.id).values(limits=after))
            await write_down(connection, row.id, deed, Action.TENANT_LIMITS, slug, **after)
        return after


class TenantLimits:
    """The rate limits of one tenant, as the server reads them for its requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, tenant_id: int) -> Mapping[str, int]:
        """By kind; empty where the settings hold. Raises: Unavailable."""
        query = select(tenants.c.limits).where(tenants.c.id == tenant_id)
        async with self._database.tenant(tenant_id) as connection:
            return dict((await connection.execute(query)).scalar_one_or_none() or {})


def _limits_of(stored: Mapping[str, int] | None, slug: str) -> Mapping[str, int]:
    if stored is None:
        raise UnknownTenant(f"there is no tenant {slug!r}; `webhost-sync tenant list` shows those there are")
    return stored


def tenant_of(row: Row[*tuple[Any, ...]]) -> Tenant:
    return Tenant(row.id, row.slug, row.name, Environment(row.environment), row.created_at)
