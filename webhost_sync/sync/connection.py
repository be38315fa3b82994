"""One connected WebSocket of a y-websocket client: frames in, messages to the runner, and the end.

The route gives it an accepted socket and what the client may do; the runner of the room takes its
messages and fills its outbox. Whatever goes wrong here ends this connection and no other.
"""

from __future__ import annotations

import asyncio

from webhost_sync.config import Settings
from webhost_sync.errors import SyncError
from webhost_sync.sync.effects import CatchUp, Member
from webhost_sync.sync.membership import be_member
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import decode
from webhost_sync.sync.rate import TokenBucket
from webhost_sync.sync.receiving import BYTES_PER_UPDATE, Receive, next_frame
from webhost_sync.sync.runner import Runner


class Connection:
    """One member's socket.

    Invariants:
    1. Frames are handed to the room in the order in which they came, one at a time.
    2. It is a member of exactly one room from `serve()`'s start to its end.
    """

    def __init__(
        self,
        member: Member,
        runner: Runner,
        outbox: Outbox,
        receive: Receive,
        settings: Settings,
        tenant_rate: TokenBucket,
    ) -> None:
        """`tenant_rate` is that of all sockets of the tenant together."""
        self._tenant_rate = tenant_rate
        self._member = member
        self._runner = runner
        self._outbox = outbox
        self._receive = receive
        self._settings = settings
        self._rate = TokenBucket(settings.update_rate, asyncio.get_running_loop().time)

    async def serve(self) -> SyncError | None:
        """Serve until the end; returns why we end it, or None when the client left."""
        return await be_member(self._member, self._runner, self._outbox, self._read(), self._catch_up())

    async def _read(self) -> None:
        while True:
            frame = await next_frame(self._receive, self._settings.frame_limit)
            messages = decode(frame)
            cost = len(messages) + len(frame) / BYTES_PER_UPDATE
            await self._rate.take(cost)
            await self._tenant_rate.take(cost)
            for message in messages:
                await self._runner.submit(self._member, message)
            if self._outbox.is_full:
                # Whoever does not read its answers is not asked for more questions.
                await self._outbox.drained(self._settings.outbox_timeout)

    async def _catch_up(self) -> None:
        while True:
            await self._outbox.fell_behind()
            await self._outbox.drained(self._settings.outbox_timeout)
            await self._runner.submit(self._member, CatchUp(self._outbox.resume()))
