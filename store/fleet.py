"""The tables that follow from documents: which documents are behind, and turns to write their rows.

The projector calls it, through `store.fleet_contract`; it acts as the projector's role, across tenants.
What a turn writes is in `store.fleet_turn`. That latest positions have changed is told to all processes
(`store.changes`) after the commit. Knows no document's content.

Turns keep out of each other's way by advisory locks of their transaction, so that a process that dies
holds none: everybody shares the lock of a tenant, unless the tenant's rows are rebuilt, and has the one
of a vehicle (or a table) alone. A vehicle and not a document, because documents of one vehicle can hold
the same position, and because its latest position is chosen among all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

import asyncpg
from sqlalchemy import text

from store.changes_contract import LatestMoved
from store.contract import NotStorable
from store.database import Database
from store.fleet_contract import LatestRule, ProjectionStatus, RejectCount, Target, TenantTurn, Turn
from store.fleet_turn import Connection, PostgresTurn, target_of
from store.geofence_contract import FenceTurn
from store.geofences import PostgresFenceTurn, take
from store.outage import REFUSED
from store.roles import Role

# Names of free documents are passed over by the index. In code point order "0" follows on "/".
_PROJECTED = """
(d.name collate "C" >= 'tables/' and d.name collate "C" < 'tables0'
 or d.name collate "C" >= 'track/' and d.name collate "C" < 'track0')
"""
_IS_BEHIND = "(c.seq is null or c.seq <> d.head_seq or c.epoch <> d.epoch)"
_CHECKPOINTED = """
from documents d left join projection_checkpoints c on c.tenant_id = d.tenant_id and c.document_id = d.id
"""
_TARGET = "select d.tenant_id, d.id, d.name, d.epoch, d.head_seq, c.seq, c.epoch as checkpoint_epoch"
_BEHIND = f"""
{_TARGET} {_CHECKPOINTED}
where d.state = 'active' and {_PROJECTED} and {_IS_BEHIND}
  and ($1::bigint[] is null or d.id = any ($1))
  and not exists (
    select from projection_failures f
    where f.tenant_id = d.tenant_id and f.document_id = d.id and f.retry_at > now()
  )
order by d.tenant_id, d.name collate "C" limit $2
"""
_ONE = f"{_TARGET} {_CHECKPOINTED} where d.tenant_id = $1 and d.id = $2 and d.state = 'active'"
_TENANTS = """
select tenant_id from documents union select tenant_id from projection_checkpoints order by tenant_id
"""
_TENANTS_WITH_GONE = """
select distinct c.tenant_id from projection_checkpoints c where not exists (
  select from documents d where d.tenant_id = c.tenant_id and d.id = c.document_id and d.state <> 'deleted'
)
"""
_STATUS = f"""
select count(*) filter (where d.state = 'active') as behind,
       count(*) filter (where d.state = 'quarantined') as quarantined,
       (select count(*) from projection_failures f
        where exists (select from documents a
                      where a.tenant_id = f.tenant_id and a.id = f.document_id and a.state = 'active')
       ) as failing,
       min(coalesce(u.received_at, d.created_at)) filter (where d.state = 'active') as oldest
{_CHECKPOINTED}
left join lateral (
  select received_at from document_updates u
  where u.tenant_id = d.tenant_id and u.document_id = d.id
    and u.seq > case when c.epoch = d.epoch then c.seq else 0 end
  order by u.seq limit 1
) u on true
where d.state <> 'deleted' and d.head_seq > 0 and {_PROJECTED} and {_IS_BEHIND}
"""  # noqa: S608
_REJECTS = """
select r.document_id, coalesce(d.name, '') as name, count(*) as count
from projection_rejects r left join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
where r.tenant_id = :tenant_id group by r.document_id, d.name order by count(*) desc, r.document_id
"""
# The first pause is a second, each further one twice as long, up to ten minutes.
_FAILED = """
insert into projection_failures as f (tenant_id, document_id, reason, retry_at)
values ($1, $2, $3, now() + interval '1 second')
on conflict (tenant_id, document_id) do update
set attempts = f.attempts + 1, reason = excluded.reason, failed_at = now(),
    retry_at = now() + least(interval '10 minutes', interval '1 second' * 2 ^ least(f.attempts, 20))
"""
# Who waits for the default partition makes all later readers of it wait as well.
_NOT_FOR_LONG = "set lock_timeout = '2s'"
_ENSURE_MONTH = "select public.ensure_positions_month($1)"
_LOCK = "select pg_advisory_xact_lock(hashtextextended(:tenant, 0)) is not null"
_TRY_TENANT_LOCK = "select pg_try_advisory_xact_lock(hashtextextended(:tenant, 0))"
_TRY_LOCK = """
select pg_try_advisory_xact_lock_shared(hashtextextended(:tenant, 0))
   and pg_try_advisory_xact_lock(hashtextextended(:rows, 0))
"""
_MAX_REASON = 1000


class Announcer(Protocol):
    def announce_latest(self, moved: LatestMoved) -> None: ...


class PostgresFleet:
    """`store.fleet_contract.FleetStore`.

    Invariants:
    1. A turn's transaction commits when its block ends normally; otherwise nothing of it happened.
    2. Once it has touched a position, a turn waits for nobody but another turn of the tenant that has
       numbered positions; and that waits for nobody. So turns never wait in a circle.
    3. What is announced has been committed.
    """

    def __init__(self, database: Database, announcer: Announcer) -> None:
        self._database = database
        self._announcer = announcer
        self._months: set[tuple[int, int]] = set()

    async def behind(
        self, *, documents: Collection[int] | None = None, limit: int = 1000
    ) -> tuple[Target, ...]:
        chosen = None if documents is None else list(documents)
        async with self._transaction() as (connection, _):
            return tuple(map(target_of, await connection.fetch(_BEHIND, chosen, limit)))

    async def tenants(self) -> tuple[int, ...]:
        async with self._transaction() as (connection, _):
            return tuple(row[0] for row in await connection.fetch(_TENANTS))

    async def tenants_with_gone(self) -> tuple[int, ...]:
        async with self._transaction() as (connection, _):
            return tuple(row[0] for row in await connection.fetch(_TENANTS_WITH_GONE))

    @asynccontextmanager
    async def turn(self, target: Target) -> AsyncIterator[tuple[Turn, Target] | None]:
        tenant_id = target.tenant_id
        rows = f"{_tenant_lock(tenant_id)}: {'/'.join(target.name.split('/')[:2])}"
        async with self._transaction(_TRY_LOCK, tenant=_tenant_lock(tenant_id), rows=rows) as (
            connection,
            is_ours,
        ):
            row = await connection.fetchrow(_ONE, tenant_id, target.document_id) if is_ours else None
            turn = PostgresTurn(connection, tenant_id)
            yield (turn, target_of(row)) if row else None
        self._announce(tenant_id, turn)

    @asynccontextmanager
    async def tenant_turn(self, tenant_id: int) -> AsyncIterator[TenantTurn]:
        async with self._transaction(_LOCK, tenant=_tenant_lock(tenant_id)) as (connection, _):
            turn = PostgresTurn(connection, tenant_id)
            yield turn
        self._announce(tenant_id, turn)

    @asynccontextmanager
    async def free_tenant_turn(self, tenant_id: int) -> AsyncIterator[TenantTurn | None]:
        async with self._transaction(_TRY_TENANT_LOCK, tenant=_tenant_lock(tenant_id)) as (
            connection,
            is_ours,
        ):
            turn = PostgresTurn(connection, tenant_id)
            yield turn if is_ours else None
        self._announce(tenant_id, turn)

    @asynccontextmanager
    async def fence_turn(self, rule: LatestRule) -> AsyncIterator[FenceTurn | None]:
        async with self._transaction() as (connection, _):
            moved = await take(connection)
            yield PostgresFenceTurn(connection, moved, rule) if moved else None

    async def ensure_months(self, times: Iterable[datetime]) -> None:
        """On a connection of its own: to attach a partition, Postgres waits until nobody uses the default
        one, so whoever asks for it must not be using it."""
        months = {(time.year, time.month): time for time in times}
        missing = {month: time for month, time in months.items() if month not in self._months}
        if not missing:
            return
        async with self._database.raw_connection(Role.PROJECTOR) as connection:
            with self._database.errors():
                await connection.execute(_NOT_FOR_LONG)
                for time in missing.values():
                    await connection.execute(_ENSURE_MONTH, time)
        self._months |= missing.keys()

    async def put_failure(self, target: Target, reason: str) -> None:
        shown = reason.replace("\0", "\\0")[:_MAX_REASON]
        async with self._transaction() as (connection, _):
            await connection.execute(_FAILED, target.tenant_id, target.document_id, shown)

    async def status(self) -> ProjectionStatus:
        async with self._transaction() as (connection, _):
            row = await connection.fetchrow(_STATUS)
        assert row is not None  # an aggregate always has a row
        return ProjectionStatus(**row)

    async def reject_counts(self, tenant_id: int) -> tuple[RejectCount, ...]:
        async with self._database.tenant(tenant_id) as connection:
            rows = await connection.execute(text(_REJECTS), {"tenant_id": tenant_id})
            return tuple(RejectCount(*row) for row in rows)

    def _announce(self, tenant_id: int, turn: PostgresTurn) -> None:
        if turn.latest_version is not None:
            self._announcer.announce_latest(LatestMoved(tenant_id, turn.latest_version))

    @asynccontextmanager
    async def _transaction(
        self, lock: str = "select true", **names: str
    ) -> AsyncIterator[tuple[Connection, bool]]:
        """The driver's own connection in a transaction, and whether it has got the lock.

        SQLAlchemy begins its transaction with the first statement that goes through it.
        """
        try:
            async with self._database.projector() as connection:
                is_ours = (await connection.execute(text(lock), names)).scalar_one()
                driver = (await connection.get_raw_connection()).driver_connection
                assert isinstance(driver, asyncpg.Connection)
                assert driver.is_in_transaction()
                yield driver, is_ours
        except REFUSED as error:
            raise NotStorable(f"Postgres refused the rows: {error}") from error


def _tenant_lock(tenant_id: int) -> str:
    return f"rows of tenant {tenant_id}"
