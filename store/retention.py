"""For how long each tenant keeps what of its documents, where that is not what the server's settings say.

The compactor, the keeper of deleted documents, pages, the API and commands ask; each call is one transaction
of one tenant, with row-level security on. What the days mean is not known here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select, update

from store.audit import Action, Deed, write_down
from store.database import Database
from store.schema import tenants


@dataclass(frozen=True, slots=True)
class Retention:
    """Days; None where the setting of the same name holds."""

    history_days: int | None = None
    history_hourly_days: int | None = None
    history_daily_days: int | None = None
    deleted_documents_days: int | None = None


class Retentions:
    """Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, tenant_id: int) -> Retention:
        """What the tenant has chosen; of a tenant that is not there, nothing."""
        query = select(tenants.c.retention).where(tenants.c.id == tenant_id)
        async with self._database.tenant(tenant_id) as connection:
            chosen = (await connection.execute(query)).scalar_one_or_none() or {}
        return Retention(**{name: chosen.get(name) for name in Retention.__slots__})

    async def choose(self, tenant_id: int, retention: Retention, *, deed: Deed) -> None:
        """Choose all of it anew."""
        chosen = {name: days for name, days in asdict(retention).items() if days is not None}
        async with self._database.tenant(tenant_id) as connection:
            query = update(tenants).where(tenants.c.id == tenant_id).values(retention=chosen)
            slug = (await connection.execute(query.returning(tenants.c.slug))).scalar_one()
            await write_down(connection, tenant_id, deed, Action.TENANT_RETENTION, slug, **chosen)
