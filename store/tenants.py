"""Tenants: the customers, each as a pair of one `live` and one `test` tenant under one slug.

Called by the CLI and by sign-up. Making and listing tenants crosses all of them, so it is done as
the owner of the schema; nothing here runs for a request of a tenant.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Row, insert, select
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


def tenant_of(row: Row[*tuple[Any, ...]]) -> Tenant:
    return Tenant(row.id, row.slug, row.name, Environment(row.environment), row.created_at)
