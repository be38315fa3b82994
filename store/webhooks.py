"""Webhooks in Postgres: endpoints of a tenant, and the messages that wait for them.

What a tenant's admins do is one transaction of that tenant, with its line in the audit log. What the task
that delivers asks goes across tenants, by functions with the owner's rights. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from store.audit import Action, Deed, write_down_by_driver
from store.contract import StoreError
from store.database import Database
from store.updates import driver_of

_ENDPOINT = "id, url, description, kinds, enabled, failing_since, disabled_reason, created_at"
_MESSAGE = """
seq, id, kind, state, attempts, next_attempt_at, last_status, last_error, created_at, delivered_at
"""
_ADD = f"""
insert into webhook_endpoints (tenant_id, url, description, kinds, secret) values ($1, $2, $3, $4, $5)
returning {_ENDPOINT}
"""  # noqa: S608 - constants
# Of what was there before the endpoint, it isn't told.
_BEGIN = """
insert into webhook_told (tenant_id, endpoint_id, document_id, seq)
select tenant_id, $2, id, head_seq from documents where tenant_id = $1
"""
_ALL = f"select {_ENDPOINT} from webhook_endpoints where tenant_id = $1 order by created_at, id"  # noqa: S608
_TALLIES = """
select endpoint_id, count(*) filter (where state = 'pending') as waiting,
       count(*) filter (where state = 'dead') as given_up, max(delivered_at) as last_delivered_at
from webhook_messages where tenant_id = $1 group by endpoint_id
"""
_REMOVE = "delete from webhook_endpoints where tenant_id = $1 and id = $2 returning url"
_ENABLE = f"""
update webhook_endpoints set enabled = true, failing_since = null, disabled_reason = null
where tenant_id = $1 and id = $2 returning {_ENDPOINT}
"""  # noqa: S608
_AT_ONCE = """
update webhook_messages set next_attempt_at = now()
where tenant_id = $1 and endpoint_id = $2 and state = 'pending'
"""
_MESSAGES = f"""
select {_MESSAGE} from webhook_messages
where tenant_id = $1 and endpoint_id = $2 and ($3::text is null or state = $3)
  and ($4::bigint is null or seq < $4)
order by seq desc limit $5
"""  # noqa: S608
_REPLAY = """
update webhook_messages set state = 'pending', attempts = 0, next_attempt_at = now()
where tenant_id = $1 and endpoint_id = $2 and seq >= $3
"""


class UnknownEndpoint(StoreError):
    """The tenant has no such webhook endpoint."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Never with its secret, which is shown once."""

    id: UUID
    url: str
    description: str
    kinds: tuple[str, ...]
    enabled: bool
    failing_since: datetime | None
    disabled_reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """`state` is `pending`, `delivered` or `dead`: given up."""

    seq: int
    id: UUID
    kind: str
    state: str
    attempts: int
    next_attempt_at: datetime
    last_status: int | None
    last_error: str
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookTally:
    """What became of the messages of an endpoint that are kept."""

    waiting: int = 0
    given_up: int = 0
    last_delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueMessage:
    """One to deliver now. `data` is JSON."""

    tenant_id: int
    seq: int
    id: UUID
    kind: str
    data: str
    attempts: int
    created_at: datetime
    url: str
    secret: bytes = field(repr=False)


class Webhooks:
    """Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, tenant_id: int, *, url: str, description: str, kinds: Sequence[str], secret: bytes, deed: Deed
    ) -> WebhookEndpoint:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            row = await connection.fetchrow(_ADD, tenant_id, url, description, list(kinds), secret)
            assert row is not None
            await connection.execute(_BEGIN, tenant_id, row["id"])
            detail = {"url": url, "kinds": list(kinds)}
            await write_down_by_driver(
                connection, tenant_id, deed, Action.WEBHOOK_CREATE, str(row["id"]), detail
            )
        return WebhookEndpoint(**{**row, "kinds": tuple(row["kinds"])})

    async def all(self, tenant_id: int) -> tuple[WebhookEndpoint, ...]:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            rows = await connection.fetch(_ALL, tenant_id)
        return tuple(WebhookEndpoint(**{**row, "kinds": tuple(row["kinds"])}) for row in rows)

    async def tallies(self, tenant_id: int) -> dict[UUID, WebhookTally]:
        """By endpoint; one without a message isn't among them."""
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            rows = await connection.fetch(_TALLIES, tenant_id)
        return {row[0]: WebhookTally(*row[1:]) for row in map(tuple, rows)}

    async def remove(self, tenant_id: int, endpoint_id: UUID, *, deed: Deed) -> None:
        """With all of its messages. Raises: UnknownEndpoint."""
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            url = await connection.fetchval(_REMOVE, tenant_id, endpoint_id)
            if url is None:
                raise _unknown(endpoint_id)
            await write_down_by_driver(
                connection, tenant_id, deed, Action.WEBHOOK_REMOVE, str(endpoint_id), {"url": url}
            )

    async def enable(self, tenant_id: int, endpoint_id: UUID, *, deed: Deed) -> WebhookEndpoint:
        """What waits is tried at once. Raises: UnknownEndpoint."""
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            row = await connection.fetchrow(_ENABLE, tenant_id, endpoint_id)
            if row is None:
                raise _unknown(endpoint_id)
            await connection.execute(_AT_ONCE, tenant_id, endpoint_id)
            await write_down_by_driver(
                connection, tenant_id, deed, Action.WEBHOOK_ENABLE, str(endpoint_id), {}
            )
        return WebhookEndpoint(**{**row, "kinds": tuple(row["kinds"])})

    async def messages(
        self,
        tenant_id: int,
        endpoint_id: UUID,
        *,
        state: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[WebhookMessage, ...]:
        """The newest first, those before the seq `before`."""
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            rows = await connection.fetch(_MESSAGES, tenant_id, endpoint_id, state, before, limit)
        return tuple(WebhookMessage(**row) for row in rows)

    async def replay(self, tenant_id: int, endpoint_id: UUID, from_seq: int, *, deed: Deed) -> int:
        """Deliver again, in order, whatever is kept from a seq on; returns how many. The ids stay."""
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            status = await connection.execute(_REPLAY, tenant_id, endpoint_id, from_seq)
            detail = {"from_seq": from_seq}
            await write_down_by_driver(
                connection, tenant_id, deed, Action.WEBHOOK_REPLAY, str(endpoint_id), detail
            )
        return int(status.rsplit(" ", 1)[1])

    async def gather(self, throttle: timedelta, limit: int = 1000) -> int:
        """Make messages of documents that changed since an endpoint was told; returns how many."""
        async with driver_of(self._database.no_tenant()) as connection:
            made = await connection.fetchval("select webhook_gather($1, $2)", throttle, limit)
        return int(made)

    async def claim(self, lease: timedelta, limit: int) -> tuple[DueMessage, ...]:
        """The oldest that waits of each endpoint, where it is due; nobody else gets it during the lease."""
        async with driver_of(self._database.no_tenant()) as connection:
            rows = await connection.fetch("select * from webhook_claim($1, $2)", lease, limit)
        return tuple(DueMessage(*row) for row in rows)

    async def report(
        self,
        due: DueMessage,
        *,
        ok: bool,
        status: int | None,
        error: str,
        again: timedelta | None,
        patience: timedelta,
        gone: bool = False,
    ) -> bool:
        """Say how it went: to be tried `again` then, or never (None). Returns whether its
        endpoint was switched off."""
        async with driver_of(self._database.no_tenant()) as connection:
            return bool(
                await connection.fetchval(
                    "select webhook_report($1, $2, $3, $4, $5, $6, $7, $8)",
                    due.tenant_id,
                    due.seq,
                    ok,
                    status,
                    error,
                    again,
                    patience,
                    gone,
                )
            )

    async def forget(self, age: timedelta) -> None:
        """Delete what was delivered or given up so long ago."""
        async with driver_of(self._database.no_tenant()) as connection:
            await connection.execute("select webhook_forget($1)", age)


def _unknown(endpoint_id: UUID) -> UnknownEndpoint:
    return UnknownEndpoint(f"there is no webhook {endpoint_id} here; `webhost-sync webhook list` shows all")
