"""The audit log: who changed what in a tenant's space, when and from where. Added to, never changed.

Whatever changes something that an admin is responsible for writes its line here in its own
transaction (`write_down`), so that neither is there without the other. Knows no HTTP: the caller says
who acts (`Deed`). No secret belongs into a line: keys stand there by their prefix.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import asyncpg
from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.schema import audit_log

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_WRITE_DOWN = """
insert into audit_log (tenant_id, actor, action, target, detail, address, request_id)
values ($1, $2, $3, $4, $5::text::jsonb, $6, $7)
"""


class Action(StrEnum):
    """What can be done, as `what it is done to` dot `what is done`."""

    TENANT_CREATE = "tenant.create"
    TENANT_RETENTION = "tenant.retention"
    TENANT_LIMITS = "tenant.limits"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    TOKEN_ISSUE = "token.issue"
    CONNECTION_CLOSE = "connection.close"
    CONNECTION_RECHECK = "connection.recheck"
    MEMBER_INVITE = "member.invite"
    MEMBER_ADD = "member.add"
    MEMBER_ROLE = "member.role"
    MEMBER_REMOVE = "member.remove"
    INVITATION_WITHDRAW = "invitation.withdraw"
    DOCUMENT_CREATE = "document.create"
    DOCUMENT_DELETE = "document.delete"
    DOCUMENT_BRING_BACK = "document.bring_back"
    DOCUMENT_PURGE = "document.purge"
    DOCUMENT_QUARANTINE = "document.quarantine"
    DOCUMENT_RELEASE = "document.release"
    DOCUMENT_ERASE = "document.erase"
    DOCUMENT_NEW_EPOCH = "document.new_epoch"
    DOCUMENT_VERSION = "document.version"
    DOCUMENT_VERSION_REMOVE = "document.version_remove"
    DOCUMENT_RESTORE = "document.restore"
    VEHICLE_EDIT = "vehicle.edit"
    GEOFENCE_CREATE = "geofence.create"
    GEOFENCE_EDIT = "geofence.edit"
    GEOFENCE_REMOVE = "geofence.remove"
    WEBHOOK_CREATE = "webhook.create"
    WEBHOOK_REMOVE = "webhook.remove"
    WEBHOOK_ENABLE = "webhook.enable"
    WEBHOOK_DISABLE = "webhook.disable"
    WEBHOOK_REPLAY = "webhook.replay"
    USER_SIGN_IN = "user.sign_in"
    USER_SIGN_OUT = "user.sign_out"
    USER_PASSWORD = "user.password"
    USER_LINK = "user.link"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does something: `user:ada@acme.example`, `key:whs_live_1a2b3c4d`, `cli:ada`, `system`."""

    actor: str
    address: str = ""
    request_id: str = ""


SYSTEM = Deed("system")
"""The program itself, asked by nobody."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    happened_at: datetime
    actor: str
    action: str
    target: str
    detail: Mapping[str, object]
    address: str
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None means any. `action` is one or the part before the dot; `text` is sought in actor and target."""

    action: str | None = None
    actor: str | None = None
    text: str | None = None
    start: datetime | None = None
    end: datetime | None = None


async def write_down(
    connection: AsyncConnection,
    tenant_ids: int | Sequence[int],
    deed: Deed,
    action: Action,
    target: str,
    **detail: object,
) -> None:
    """Add a line in the caller's transaction, to each of these spaces. `detail` is plain JSON."""
    spaces = [tenant_ids] if isinstance(tenant_ids, int) else tenant_ids
    rows = [
        {
            "tenant_id": tenant_id,
            "actor": deed.actor,
            "action": action.value,
            "target": target,
            "detail": detail,
            "address": deed.address,
            "request_id": deed.request_id,
        }
        for tenant_id in spaces
    ]
    if rows:
        await connection.execute(insert(audit_log), rows)


async def write_down_by_driver(
    connection: Driver, tenant_id: int, deed: Deed, action: Action, target: str, detail: Mapping[str, object]
) -> None:
    """As `write_down`, where the transaction is the driver's own."""
    who = (deed.address, deed.request_id)
    row = (tenant_id, deed.actor, action.value, target, json.dumps(detail), *who)
    await connection.execute(_WRITE_DOWN, *row)


class AuditLog:
    """Every method is one transaction of one tenant, and raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: int, deed: Deed, action: Action, target: str, **detail: object) -> None:
        """Write down what was done outside of the database."""
        async with self._database.tenant(tenant_id) as connection:
            await write_down(connection, tenant_id, deed, action, target, **detail)

    async def page(
        self, tenant_id: int, wanted: AuditFilter, *, before: int | None, limit: int
    ) -> list[AuditEntry]:
        """Lines of the space, newest first, those with an id below `before`."""
        columns = (audit_log.c[name] for name in AuditEntry.__slots__)
        query = select(*columns).where(audit_log.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        if wanted.action is not None:
            exactly = audit_log.c.action == wanted.action
            query = query.where(
                or_(exactly, audit_log.c.action.startswith(f"{wanted.action}.", autoescape=True))
            )
        if wanted.actor is not None:
            query = query.where(audit_log.c.actor == wanted.actor)
        if wanted.text is not None:
            columns_with_text = (audit_log.c.actor, audit_log.c.target)
            query = query.where(or_(*(c.icontains(wanted.text, autoescape=True) for c in columns_with_text)))
        if wanted.start is not None:
            query = query.where(audit_log.c.happened_at >= wanted.start)
        if wanted.end is not None:
            query = query.where(audit_log.c.happened_at < wanted.end)
        query = query.order_by(audit_log.c.id.desc()).limit(limit)
        async with self._database.tenant(tenant_id) as connection:
            return [AuditEntry(*row) for row in await connection.execute(query)]
