"""The live connections of a space to this process: who they are, and what can be done about them."""

from __future__ import annotations

from store.audit import Action, AuditLog, Deed
from webhost_sync.admin import models
from webhost_sync.errors import NotFound, TryAgain
from webhost_sync.sync.live import LiveConnection, LiveConnections, Recheck


class Switchboard:
    """The connections of all spaces, one space at a time."""

    def __init__(self, live: LiveConnections, recheck: Recheck, audit: AuditLog) -> None:
        self._live = live
        self._recheck = recheck
        self._audit = audit

    def of(self, tenant_id: int, text: str = "", *, limit: int = 500) -> models.Connections:
        """The oldest first, at most `limit`; those with `text` in who, device or document."""
        ours = self._live.of_tenant(tenant_id)
        wanted = [connection for connection in ours if _fits(connection, text.lower())]
        return models.Connections(items=list(map(_model, wanted[:limit])), total=len(ours))

    async def close(self, tenant_id: int, connection_id: int, *, deed: Deed) -> models.Closed:
        """Send one away; it may come back, as after any interruption. Raises: NotFound."""
        for connection in self._live.of_tenant(tenant_id):
            if connection.connection_id == connection_id:
                await self._audit.add(
                    tenant_id, deed, Action.CONNECTION_CLOSE, connection.document,
                    subject=connection.principal.subject, device=connection.principal.device,
                )  # fmt: skip
                connection.outbox.close(TryAgain("an admin has closed this connection"))
                return models.Closed(closed=1)
        raise NotFound("no such connection here; it may have ended meanwhile")

    async def recheck(self, tenant_id: int, *, deed: Deed) -> models.Closed:
        """Close those whose key was revoked or whose token has expired, now."""
        closed = await self._live.recheck_now(self._recheck, self._live.of_tenant(tenant_id))
        await self._audit.add(tenant_id, deed, Action.CONNECTION_RECHECK, "all", closed=closed)
        return models.Closed(closed=closed)


def _fits(connection: LiveConnection, text: str) -> bool:
    principal = connection.principal
    return any(text in part.lower() for part in (principal.subject, principal.device, connection.document))


def _model(connection: LiveConnection) -> models.Connection:
    principal = connection.principal
    return models.Connection(
        id=connection.connection_id,
        subject=principal.subject,
        device=principal.device,
        credential="token" if principal.token_id else "key",
        key_id=principal.key_id,
        document=connection.document,
        dialect=connection.dialect,
        since=connection.since,
        pending_bytes=connection.outbox.buffered,
    )
