"""The live connections of this process, and what happens to all of them: keep-alive, rights, drain.

A route registers each admitted connection, a socket or a stream, with who it is; three small loops go
over them. Knows no document; rights are asked of the authenticator, and a connection that lost its own
is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from store.contract import StoreError
from webhost_sync.auth.principals import Principal
from webhost_sync.errors import Draining, SyncError, TooManyRequests
from webhost_sync.sync.rate import SharedBuckets

logger = structlog.get_logger(__name__)
UNLIMITED = 1e9


class WayOut(Protocol):
    """The end of a connection at which it is told something."""

    @property
    def buffered(self) -> int:
        """Bytes that were handed to it and that its client hasn't read."""
        ...

    def keep_alive(self) -> None:
        """Give a sign of life if nothing was written since the last call."""
        ...

    def close(self, error: SyncError) -> None:
        """Ask the connection's task to end it with this error."""
        ...


@dataclass(eq=False, slots=True)
class LiveConnection:
    """Who is connected where, since when (UTC), how, and on which socket: several documents may share one.

    A stream that is of no document has its path in place of the document.
    """

    connection_id: int
    principal: Principal
    document: str
    since: datetime
    outbox: WayOut
    socket: int
    dialect: str


class Recheck(Protocol):
    async def __call__(self, principals: Sequence[Principal]) -> dict[Principal, SyncError]:
        """Those whose rights have ended, and why."""
        ...


class LiveConnections:
    """Invariants:
    1. A connection is in here exactly while its socket is served.
    2. One credential has at most `limit` sockets.
    """

    def __init__(self, limit: int, tenant_rate: float = UNLIMITED) -> None:
        """`tenant_rate` is how many updates a second all connections of a tenant may send together."""
        self._limit = limit
        self.rates = SharedBuckets(tenant_rate, time.monotonic)
        self._connections: set[LiveConnection] = set()
        self._sockets: dict[str, Counter[int]] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()

    def __iter__(self) -> Iterator[LiveConnection]:
        return iter(tuple(self._connections))

    def __len__(self) -> int:
        return len(self._connections)

    @contextmanager
    def registered(self, connection: LiveConnection) -> Iterator[None]:
        """Keep the connection known. Raises: TooManyRequests when its credential has too many sockets."""
        self._count(connection.principal, connection.socket)
        self._connections.add(connection)
        self._none_left.clear()
        try:
            yield
        finally:
            self._connections.discard(connection)
            self._discount(connection.principal, connection.socket)
            if not self._connections:
                self._none_left.set()

    def renew(self, connection: LiveConnection, principal: Principal) -> None:
        """Go on with a new credential. Raises: TooManyRequests; then it has its old one still."""
        self._count(principal, connection.socket)
        self._discount(connection.principal, connection.socket)
        connection.principal = principal

    def _count(self, principal: Principal, socket: int) -> None:
        sockets = self._sockets.setdefault(principal.credential_id, Counter())
        if socket not in sockets and len(sockets) >= self._limit:
            raise TooManyRequests(f"this credential may have {self._limit} connections")
        sockets[socket] += 1

    def _discount(self, principal: Principal, socket: int) -> None:
        sockets = self._sockets[principal.credential_id]
        sockets[socket] -= 1
        if not sockets[socket]:
            del sockets[socket]
        if not sockets:
            del self._sockets[principal.credential_id]

    async def keep_alive(self, silence: float) -> None:
        """Send the empty awareness frame to whoever got nothing for `silence` seconds at most.

        y-websocket clients up to 3.1 reconnect after 30 s without a message; pings don't count.
        """
        while True:
            await asyncio.sleep(silence / 2)
            for connection in self:
                connection.outbox.keep_alive()

    async def check_rights(self, recheck: Recheck, interval: float) -> None:
        """Close every connection whose token has expired or whose key was revoked."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.recheck_now(recheck, list(self))
            except StoreError as error:
                # Nobody is closed because the database is away; expiry is found at the next look.
                logger.warning("rights not checked", why=str(error))

    async def recheck_now(self, recheck: Recheck, connections: Sequence[LiveConnection]) -> int:
        """Close those of the connections whose rights have ended, and tell how many.

        Raises: store.contract.Unavailable.
        """
        ended = await recheck([connection.principal for connection in connections])
        closed = 0
        for connection in connections:
            if error_of := ended.get(connection.principal):
                logger.info("rights ended", document=connection.document, why=error_of.code)
                connection.outbox.close(error_of)
                closed += 1
        return closed

    def of_tenant(self, tenant_id: int) -> list[LiveConnection]:
        """The connections of one tenant, the oldest first."""
        ours = [connection for connection in self if connection.principal.tenant_id == tenant_id]
        return sorted(ours, key=lambda connection: connection.connection_id)

    async def drain(self, within: float) -> None:
        """Close everything with "come back", spread over half of `within` seconds."""
        connections = list(self)
        pause = within / 2 / max(len(connections), 1)
        for connection in connections:
            connection.outbox.close(Draining())
            await asyncio.sleep(min(pause, 0.01))
        await self._none_left.wait()
