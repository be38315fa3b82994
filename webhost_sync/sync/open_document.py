"""One document that is open on a socket of `/collab`: its frames in, messages to the room, and its end.

`attachment` has let the client in; the room fills the outbox. Several of these share one socket, so one
that must wait, for its room or for its rate, makes nobody else wait. Whatever goes wrong ends this
document on this socket; what is about the socket itself says so by its error (`TooSlow`, `Draining`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from webhost_sync.auth.access import Access
from webhost_sync.auth.principals import Principal
from webhost_sync.config import Settings
from webhost_sync.errors import NotAllowed, ProtocolError, SyncError, TryAgain
from webhost_sync.sync.backlog import Backlog, Inbox
from webhost_sync.sync.collab_dialect import HocuspocusDialect
from webhost_sync.sync.effects import Greeting, Member, Request, Unreadable
from webhost_sync.sync.hocuspocus import (
    Address,
    Authenticated,
    BroadcastStateless,
    Close,
    Known,
    SyncReply,
    Token,
    TokenWanted,
    decode,
    is_token,
    is_update,
)
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnection, LiveConnections
from webhost_sync.sync.membership import be_member
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import (
    AwarenessUpdate,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)
from webhost_sync.sync.protocol import KnownMessage as RoomMessage
from webhost_sync.sync.rate import TokenBucket
from webhost_sync.sync.receiving import BYTES_PER_UPDATE, ClientLeft
from webhost_sync.sync.refusals import Refusals
from webhost_sync.sync.runner import Runner
from webhost_sync.sync.transport import Frame, Transport

logger = structlog.get_logger(__name__)
ASK_AT = (0.8, 0.95)
"""When a fresh token is asked for, as shares of the time for which the present one is still good."""
TOKEN_COST = 4
"""So many updates a token counts for: somebody must look up whether its key still stands."""
Admit = Callable[[str, str], Awaitable[tuple[Principal, Access]]]
"""Says who shows a credential, and what it may do with a document. Raises: SyncError."""


@dataclass(frozen=True, slots=True)
class Door:
    """What documents are opened with. `client` is the network address of whoever is at the door."""

    admit: Admit
    hub: Hub
    live: LiveConnections
    refusals: Refusals
    settings: Settings
    client: str


@dataclass(frozen=True, slots=True)
class SharedSocket:
    """What all documents of one socket share. `turn`: one at a time is caught up when all fell behind."""

    number: int
    transport: Transport
    backlog: Backlog
    turn: asyncio.Lock


def cost_of(body: bytes) -> float:
    """What a frame takes from the rate of its sender, in updates."""
    return (TOKEN_COST if is_token(body) else 1) + len(body) / BYTES_PER_UPDATE


def scope_of(access: Access) -> Authenticated:
    return Authenticated("read-write" if access.write else "readonly")


class OpenDocument:
    """Invariants:
    1. Frames are handed to the room in the order in which they came, one at a time.
    2. It is a member of its room from `serve()`'s start to its end.
    3. Its tenant and its subject never change; its rights and their end do, with each new token.
    """

    def __init__(
        self,
        address: Address,
        member: Member,
        live: LiveConnection,
        outbox: Outbox,
        dialect: HocuspocusDialect,
        runner: Runner,
        inbox: Inbox,
        socket: SharedSocket,
        door: Door,
    ) -> None:
        self._address = address
        self._member = member
        self._live = live
        self._outbox = outbox
        self._dialect = dialect
        self._runner = runner
        self._inbox = inbox
        self._socket = socket
        self._door = door
        self._rate = TokenBucket(door.settings.update_rate, asyncio.get_running_loop().time)
        self._tenant_rate = door.live.rates.of(live.principal.tenant_id)
        self._renewed = asyncio.Event()
        self._was_asked = False

    async def serve(self) -> SyncError | None:
        """Serve until the end; returns why we end it, or None when the client did."""
        loops = (self._read(), self._catch_up(), self._ask_for_tokens())
        return await be_member(self._member, self._runner, self._outbox, *loops)

    async def _read(self) -> None:
        while True:
            body = await self._inbox.first()
            await self._rate.take(cost_of(body))
            await self._tenant_rate.take(cost_of(body))
            if self._outbox.is_full:
                # Whoever does not read its answers is not asked for more questions.
                await self._outbox.drained(self._door.settings.outbox_timeout)
            try:
                await self._take(body)
            except (SyncError, ClientLeft):
                self._inbox.done()
                raise
            # Not when it is cancelled: a token that comes as the old one expires opens the document again.
            self._inbox.done()

    async def _take(self, body: bytes) -> None:
        try:
            message = decode(body)
            if isinstance(message, BroadcastStateless):
                raise ProtocolError("only servers may broadcast stateless messages")
        except ProtocolError as error:
            # The answers to what came before it are on their way; it is refused behind them.
            await self._submit(Unreadable(error, is_update(body)))
            raise await self._outbox.closing() from None
        match message:
            case Token(token):
                await self._renew(token)
            case Close():
                raise ClientLeft
            case SyncStep1():
                await self._answer(message)
            case SyncReply(inner):
                await self._submit(inner)
            case SyncStep2() | SyncUpdate() | AwarenessUpdate() | QueryAwareness():
                await self._submit(message)
            case _:
                pass  # stateless messages are for applications, unknown types for newer servers

    async def _answer(self, question: SyncStep1) -> None:
        """Answer a step 1; ask back as well when it comes again, as a provider that syncs anew expects."""
        if self._was_asked:
            await self._submit(Greeting())
        self._was_asked = True
        await self._submit(question)

    async def _submit(self, message: RoomMessage | Request) -> None:
        match message:
            case SyncStep2():
                self._dialect.expect_status(answers_step_1=True)
            case SyncUpdate() | Unreadable(was_update=True):
                self._dialect.expect_status(answers_step_1=False)
        await self._runner.submit(self._member, message)

    async def _renew(self, token: str) -> None:
        """Go on with another token. Raises: SyncError, and the document is closed."""
        try:
            principal, access = await self._door.admit(token, self._live.document)
            self._check_is_the_same(principal)
            self._door.live.renew(self._live, principal)
        except TryAgain as error:
            # The present token is as good as before, and a new one will be asked for.
            logger.warning("token not renewed", document=self._address.name, why=str(error))
            return
        self._member = replace(
            self._member,
            device=principal.device,
            can_write=access.write,
            can_show_presence=access.presence,
        )
        self._renewed.set()
        self._write(scope_of(access))

    def _check_is_the_same(self, principal: Principal) -> None:
        before = self._live.principal
        if (principal.tenant_id, principal.subject) != (before.tenant_id, before.subject):
            raise NotAllowed("a new token must be of the same tenant and subject; close the document first")

    async def _ask_for_tokens(self) -> None:
        """Ask for a fresh token before the present one expires. A key has no successor to be asked for."""
        while True:
            self._renewed.clear()
            principal, waited = self._live.principal, 0.0
            if principal.token_id is None or principal.expires_at is None:
                await self._renewed.wait()
                continue
            left = (principal.expires_at - datetime.now(UTC)).total_seconds()
            for share in ASK_AT:
                if await self._is_renewed_within(share * left - waited):
                    break
                waited = share * left
                self._write(TokenWanted())
            else:
                await self._renewed.wait()

    async def _is_renewed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._renewed.wait()
        except TimeoutError:
            return False
        return True

    async def _catch_up(self) -> None:
        while True:
            await self._outbox.fell_behind()
            async with self._socket.turn:
                await self._outbox.drained(self._door.settings.outbox_timeout)
                for request in self._outbox.resume_with():
                    await self._submit(request)
                await self._outbox.delivered()

    def _write(self, message: Known) -> None:
        self._socket.transport.write(Frame(self._dialect.frame(message)))
