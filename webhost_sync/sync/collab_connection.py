"""One WebSocket of `/collab`: frames in, each to its document, and the end of it all.

Each document is an `Attachment` with a task of its own, so that they wait for nothing of each other. The
socket ends when its client leaves, breaks the frame itself, does not read, or has no document for long.
What goes wrong in a document ends that document only.
"""

from __future__ import annotations

import asyncio

import structlog

from webhost_sync.errors import (
    ClientFault,
    Draining,
    Idle,
    NotAuthenticated,
    SyncError,
    TooLarge,
    TooManyRequests,
    TooSlow,
    TryAgain,
)
from webhost_sync.sync.attachment import Attachment
from webhost_sync.sync.backlog import Backlog
from webhost_sync.sync.hocuspocus import PING, PONG, Address, is_token, prefix_of, split
from webhost_sync.sync.open_document import Door, SharedSocket, cost_of
from webhost_sync.sync.protocol import KEEP_ALIVE
from webhost_sync.sync.rate import TokenBucket
from webhost_sync.sync.receiving import ClientLeft, Receive, first_of, next_frame
from webhost_sync.sync.transport import Frame, Transport, drained_within

logger = structlog.get_logger(__name__)


class CollabConnection:
    """Invariants:
    1. A frame reaches its document in the order in which it came; documents don't wait for each other
       until the backlog of the socket is full.
    2. There is one attachment for an address, and it has one task.
    """

    def __init__(self, transport: Transport, receive: Receive, door: Door) -> None:
        self._receive = receive
        self._door = door
        self._settings = door.settings
        backlog = Backlog(door.settings)
        self._socket = SharedSocket(door.hub.next_connection_id(), transport, backlog, asyncio.Lock())
        self._attachments: dict[Address, Attachment] = {}
        self._rate = TokenBucket(door.settings.update_rate, asyncio.get_running_loop().time)
        self._occupied = asyncio.Event()
        self._vacant = asyncio.Event()
        self._closing: asyncio.Future[SyncError] = asyncio.get_running_loop().create_future()
        self._farewell: SyncError = NotAuthenticated("no token came in time")

    async def serve(self) -> SyncError | None:
        """Serve until the end; returns why we end it, or None when the client left."""
        ended: SyncError | None = None
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._read())
                self._tasks.create_task(self._keep_alive())
                self._tasks.create_task(self._expect_documents())
                self._tasks.create_task(self._expect_draining())
                raise await self._closing
        except* ClientLeft:
            pass
        except* SyncError as group:
            ended = first_of(group)
        return ended

    async def _read(self) -> None:
        while True:
            frame = await next_frame(self._receive, self._settings.frame_limit)
            if frame in (PING, PONG):
                await self._rate.take()
                if frame == PING:
                    self._socket.transport.write(Frame(PONG))
            else:
                await self._route(*split(frame))
            if self._socket.transport.buffered > self._settings.outbox_limit:
                # Whoever does not read its answers is not asked for more questions.
                await drained_within(self._socket.transport, self._settings.outbox_timeout)

    async def _route(self, address: Address, body: bytes) -> None:
        """Hand a frame to its document; what is for none is dropped, unless it is a token."""
        if address not in self._attachments:
            await self._rate.take(cost_of(body))
            if not is_token(body) or not await self._attach(address, body):
                return
        backlog = self._socket.backlog
        if not backlog.is_known and len(body) > backlog.allowance.size:
            raise TooLarge(f"before a document is open a frame may have {backlog.allowance.size} bytes")
        while not backlog.fits(body):
            await backlog.change()
        if (attachment := self._attachments.get(address)) is not None:
            attachment.put(body)

    async def _attach(self, address: Address, token: bytes) -> bool:
        """Make a document's attachment; whether there is room for one more."""
        backlog = self._socket.backlog
        while len(self._attachments) >= backlog.allowance.documents:
            if backlog.is_known:
                error = TooManyRequests(f"one socket may have {backlog.allowance.documents} documents")
                self._write(*Attachment(address, self._socket, self._door).turn_away(token, error))
                return False
            await backlog.change()
        self._begin(address)
        return True

    def _begin(self, address: Address) -> Attachment:
        attachment = self._attachments[address] = Attachment(address, self._socket, self._door)
        self._vacant.clear()
        self._occupied.set()
        self._tasks.create_task(self._attend(attachment), name=f"document {address.name}")
        return attachment

    async def _attend(self, attachment: Attachment) -> None:
        """Serve a document to its end, and tell its client."""
        ended = await attachment.serve()
        del self._attachments[attachment.address]
        if ended is not None:
            self._part(attachment, ended)
        if left_over := attachment.left_over():
            again = self._begin(attachment.address)
            for body in left_over:
                again.put(body)
        if not self._attachments:
            self._occupied.clear()
            self._vacant.set()
            self._farewell = ended if isinstance(ended, ClientFault) else Idle("no document is open")
        self._socket.backlog.document_left()

    def _part(self, attachment: Attachment, ended: SyncError) -> None:
        """Tell the client of a document's end; or end the socket, where that is the only way back."""
        was_open = attachment.outbox is not None
        if was_open:
            logger.info("document closed", document=attachment.address.name, why=ended.code)
        is_about_socket = isinstance(ended, TooSlow | Draining)
        # A stock provider opens the document again only with a new socket, and nobody else needs this one.
        needs_new_socket = (
            isinstance(ended, TryAgain) and attachment.needs_new_socket and not self._attachments
        )
        if not is_about_socket and (was_open or not needs_new_socket):
            self._write(*attachment.farewell(ended))
        if is_about_socket or needs_new_socket:
            self._close(ended)

    async def _expect_documents(self) -> None:
        """End a socket that has no document: soon where none ever came, later where they have gone."""
        patience = self._settings.stranger_timeout
        while True:
            try:
                async with asyncio.timeout(patience):
                    await self._occupied.wait()
            except TimeoutError:
                raise self._farewell from None
            await self._vacant.wait()
            patience = self._settings.vacancy_timeout

    async def _expect_draining(self) -> None:
        """Leave when the process does; open documents are sent away by `live`, spread over a while."""
        await self._door.hub.draining()
        if not any(attachment.outbox for attachment in self._attachments.values()):
            raise Draining()

    async def _keep_alive(self) -> None:
        """Send a presence about nobody where nothing else was sent for a while.

        Providers of all versions reconnect after 30 s without a message; pings don't count.
        """
        while True:
            await asyncio.sleep(self._settings.keepalive_interval / 2)
            opened = {
                address: attachment.outbox
                for address, attachment in self._attachments.items()
                if attachment.outbox is not None
            }
            quiet = [outbox.was_quiet() for outbox in opened.values()]
            if opened and all(quiet):
                self._write(prefix_of(next(iter(opened))) + KEEP_ALIVE)

    def _close(self, error: SyncError) -> None:
        if not self._closing.done():
            self._closing.set_result(error)

    def _write(self, *frames: bytes) -> None:
        for frame in frames:
            self._socket.transport.write(Frame(frame))
