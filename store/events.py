"""Leaves an event of a document's life and a line in the audit log, and tells every process with the commit.

`store.lifecycle` and `store.updates` call it on a connection in a transaction of the document's tenant.
"""

from __future__ import annotations

import json
from typing import TypeAlias

import asyncpg

from store import audit
from store.audit import Deed
from store.changes_contract import LifeChanged
from store.lifecycle_contract import Action, Event
from store.messages import LIVES_CHANNEL, encode_life

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_NOTE = """
insert into document_events (tenant_id, document_id, name, action, actor, detail)
values ($1, $2, $3, $4, $5, $6::text::jsonb)
"""
_EVENTS = """
select action, actor, at, name, document_id, detail::text from document_events
where tenant_id = $1 and document_id = $2 order by id desc limit $3
"""
_NOTIFY = "select pg_notify($1, $2)"
_AUDITED = {
    Action.CREATED: audit.Action.DOCUMENT_CREATE,
    Action.DELETED: audit.Action.DOCUMENT_DELETE,
    Action.BROUGHT_BACK: audit.Action.DOCUMENT_BRING_BACK,
    Action.PURGED: audit.Action.DOCUMENT_PURGE,
    Action.QUARANTINED: audit.Action.DOCUMENT_QUARANTINE,
    Action.RELEASED: audit.Action.DOCUMENT_RELEASE,
    Action.ERASED: audit.Action.DOCUMENT_ERASE,
    Action.EPOCH_CHANGED: audit.Action.DOCUMENT_NEW_EPOCH,
    Action.RESTORED: audit.Action.DOCUMENT_RESTORE,
}


async def note(
    connection: Connection,
    tenant_id: int,
    document_id: int,
    name: str,
    action: Action,
    by: Deed,
    **detail: object,
) -> None:
    """Note what is done in this transaction."""
    key = (tenant_id, document_id, name)
    await connection.execute(_NOTE, *key, action.value, by.actor, json.dumps(detail))
    await audit.write_down_by_driver(connection, tenant_id, by, _AUDITED[action], name, detail)
    await connection.execute(_NOTIFY, LIVES_CHANNEL, encode_life(LifeChanged(*key)))


async def events(connection: Connection, tenant_id: int, document_id: int, limit: int) -> tuple[Event, ...]:
    """As `store.lifecycle_contract.Lifecycle.events`."""
    rows = await connection.fetch(_EVENTS, tenant_id, document_id, limit)
    return tuple(Event(**{**row, "detail": json.loads(row["detail"])}) for row in rows)
