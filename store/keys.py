"""API keys as the database knows them: the first characters and the SHA-256, never the key.

`webhost_sync.auth` makes and hashes keys; this finds, lists and revokes them. A key is looked up
before its tenant is known, by functions of the schema that answer for one hash or id at a time;
everything else happens within one tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, text, update

from store.audit import SYSTEM, Action, Deed, write_down
from store.changes_contract import RightsChanged
from store.contract import ApiKey, Environment, StoreError, Tenant
from store.database import Database
from store.messages import ACCESS_CHANNEL, encode_rights
from store.schema import api_keys, tenants

_FIND = text("select * from find_api_key(:key_hash)")
_STILL_VALID = text("select valid_api_keys(:ids)")
# However many requests come at once, one of them writes; the others see its row locked, and go on.
_TOUCH = text(
    "update api_keys set last_used_at = now() where tenant_id = :tenant_id and id = ("
    " select id from api_keys where tenant_id = :tenant_id and id = :id"
    " and (last_used_at is null or last_used_at < now() - interval '1 minute')"
    " for no key update skip locked)"
)


class UnknownKey(StoreError):
    """The tenant has no such key, or more than one of that prefix."""


class Keys:
    """The keys of a database. Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        tenant_id: int,
        *,
        name: str,
        prefix: str,
        key_hash: bytes,
        scopes: Sequence[str],
        documents: Sequence[str] = ("*",),
        expires_at: datetime | None = None,
        deed: Deed = SYSTEM,
    ) -> ApiKey:
        """Keep a new key of a tenant. `prefix` is shown in lists, `key_hash` is its SHA-256 (32 bytes)."""
        values = {
            "tenant_id": tenant_id,
            "name": name,
            "prefix": prefix,
            "key_hash": key_hash,
            "scopes": list(scopes),
            "documents": list(documents),
            "expires_at": expires_at,
        }
        async with self._database.tenant(tenant_id) as connection:
            key_id = await connection.scalar(insert(api_keys).values(values).returning(api_keys.c.id))
            row = (await connection.execute(_select(tenant_id).where(api_keys.c.id == key_id))).one()
            await write_down(
                connection, tenant_id, deed, Action.KEY_CREATE, prefix,
                name=name, scopes=list(scopes), documents=list(documents),
            )  # fmt: skip
        return _key_of(row)

    async def of_tenant(self, tenant_id: int) -> tuple[ApiKey, ...]:
        """The keys of a tenant, revoked ones too, oldest first."""
        query = _select(tenant_id).order_by(api_keys.c.created_at, api_keys.c.id)
        async with self._database.tenant(tenant_id) as connection:
            return tuple(map(_key_of, await connection.execute(query)))

    async def find(self, key_hash: bytes) -> tuple[ApiKey, Tenant] | None:
        """The key of that hash and whose it is, also if it is revoked or expired; None if there is none."""
        async with self._database.lookup() as connection:
            row = (await connection.execute(_FIND, {"key_hash": key_hash})).one_or_none()
        if row is None:
            return None
        environment = Environment(row.environment)
        tenant = Tenant(row.tenant_id, row.tenant_slug, row.tenant_name, environment, row.tenant_created_at)
        return _key_of(row), tenant

    async def revoke(self, tenant_id: int, key: UUID | str, *, deed: Deed = SYSTEM) -> ApiKey:
        """End a key, by id or by prefix, and tell every process. Ending it again changes nothing.

        Raises: UnknownKey.
        """
        match = api_keys.c.id == key if isinstance(key, UUID) else api_keys.c.prefix == key
        async with self._database.tenant(tenant_id) as connection:
            rows = (await connection.execute(_select(tenant_id).where(match))).all()
            if len(rows) != 1:
                many = "more than one key" if rows else "no key"
                raise UnknownKey(f"tenant {tenant_id} has {many} {str(key)!r}; give its id or whole prefix")
            mine = (api_keys.c.tenant_id == tenant_id, api_keys.c.id == rows[0].id)
            fresh = api_keys.c.revoked_at.is_(None)
            ended = (
                update(api_keys).where(*mine, fresh).values(revoked_at=func.now()).returning(api_keys.c.name)
            )
            if (row := (await connection.execute(ended)).one_or_none()) is not None:
                await write_down(
                    connection, tenant_id, deed, Action.KEY_REVOKE, rows[0].prefix, name=row.name
                )
            message = encode_rights(RightsChanged(tenant_id, rows[0].id))
            await connection.execute(select(func.pg_notify(ACCESS_CHANNEL, message)))
            return _key_of((await connection.execute(_select(tenant_id).where(*mine))).one())

    async def touch(self, tenant_id: int, key_id: UUID) -> None:
        """Note that a key was used, at most once a minute however often this is called."""
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(_TOUCH, {"tenant_id": tenant_id, "id": key_id})

    async def still_valid(self, key_ids: Iterable[UUID]) -> frozenset[UUID]:
        """Those of the ids, of any tenant, whose keys exist and are neither revoked nor expired."""
        async with self._database.lookup() as connection:
            return frozenset(await connection.scalars(_STILL_VALID, {"ids": list(key_ids)}))


def _select(tenant_id: int) -> Select[Any]:
    columns = [column for column in api_keys.c if column is not api_keys.c.key_hash]
    joined = api_keys.join(tenants, tenants.c.id == api_keys.c.tenant_id)
    return (
        select(*columns, tenants.c.environment).select_from(joined).where(api_keys.c.tenant_id == tenant_id)
    )


def _key_of(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        tenant_id=row.tenant_id,
        environment=Environment(row.environment),
        name=row.name,
        prefix=row.prefix,
        scopes=tuple(row.scopes),
        documents=tuple(row.documents),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
