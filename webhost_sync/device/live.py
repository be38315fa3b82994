"""Keeps one document in step over a WebSocket, for when the radio is good.

pycrdt's `Provider` speaks the y-websocket protocol over a `Channel`. The channel here has the shape of
pycrdt-websocket's `HttpxWebsocket`, over the `websockets` client. That class itself would do but for
three things: it needs the httpx-ws package, it ends in the same silence whatever the close code was, and
it hands on bytes before they are stored. Of HTTP it knows only that one exchange comes first.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pycrdt import Channel, Doc, Provider
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import CloseCode

from webhost_sync.device.backoff import Backoff, retry_after_seconds
from webhost_sync.device.confirmation import Unconfirmed
from webhost_sync.device.documents import Documents
from webhost_sync.device.errors import Unreachable, Withheld
from webhost_sync.device.sync import Synchronizer
from webhost_sync.device.update_log import UpdateLog
from webhost_sync.device.wire import EPOCH_HEADER, error_of_close, socket_path
from webhost_sync.errors import (
    ClientFault,
    NotAuthenticated,
    ProtocolError,
    SyncError,
    TryAgain,
    WrongEpoch,
)
from webhost_sync.sync.protocol import (
    Message,
    PermissionDenied,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode,
    decode_state_vector,
    encode,
)

EMPTY_UPDATE = b"\x00\x00"
MAX_FRAME_BYTES = 64 * 2**20
"""A step 2 may be a whole document in one frame."""


class _WithoutFrames(logging.LoggerAdapter[logging.Logger]):
    """The `websockets` logger without its DEBUG lines, which hold every header, and so the key."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


class DocumentChannel(Channel):
    """One WebSocket of one document, as pycrdt's `Provider` wants it.

    Invariants:
    1. An update from the server is stored and applied here, and only where pycrdt can bear it; the
       provider, which would apply anything, is told no more than that a step 2 has come.
    2. An update of the device is durable only when the server has shown all of its content: the door
       sends a change back to its writer after the commit.
    3. What came from the server is not sent back to it.
    """

    def __init__(self, name: str, socket: ClientConnection, documents: Documents, updates: UpdateLog) -> None:
        self._name = name
        self._socket = socket
        self._documents = documents
        self._updates = updates
        self._doc = documents.open(name)
        self._unconfirmed = Unconfirmed()
        self._newest_known = 0
        self._for_provider: deque[bytes] = deque()

    @property
    def path(self) -> str:
        """The document's name."""
        return self._name

    @property
    def doc(self) -> Doc[Any]:
        """The copy in memory that this channel keeps in step."""
        return self._doc

    async def send(self, message: bytes) -> None:
        """Send a frame of the provider, unless it only repeats what the server has told.

        The provider reports every change of the document, also those that came in through it.
        """
        self._know_pending()
        for content in decode(message):
            if isinstance(content, SyncUpdate) and not self._unconfirmed.holds_any(content.update):
                return
        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise _reason(closed) from closed

    async def recv(self) -> bytes:
        """Return the next frame for the provider, its content stored.

        Raises SyncError for the reason why there is none.
        """
        while not self._for_provider:
            try:
                frame = await self._socket.recv(decode=False)
                if self._documents.open(self._name) is not self._doc:
                    raise TryAgain("the copy of the document in memory was replaced", document=self._name)
                for message in decode(frame):
                    await self._take_in(message)
            except ConnectionClosed as closed:
                raise _reason(closed) from closed
            except ProtocolError as fault:
                raise Unreachable(f"something answered in another language ({fault.detail})") from fault
        return self._for_provider.popleft()

    async def _take_in(self, message: Message) -> None:
        self._know_pending()
        confirmed: list[int] = []
        if isinstance(message, SyncStep1):
            confirmed = self._unconfirmed.confirm_state_vector(decode_state_vector(message.state_vector))
            self._for_provider.append(encode(message))
        elif isinstance(message, SyncStep2 | SyncUpdate):
            confirmed = self._unconfirmed.confirm_update(message.update)
            await self._receive(message)
        elif isinstance(message, PermissionDenied):
            # A sentence for people, and the socket may stay open. The exchange over HTTP that each
            # connection begins with gets the same refusal as an error with a code.
            raise TryAgain(f"refused: {message.reason}", document=self._name)
        self._updates.set_durable(self._name, confirmed)
        self._documents.compact(self._name)

    async def _receive(self, message: SyncStep2 | SyncUpdate) -> None:
        answers_us = isinstance(message, SyncStep2)
        try:
            self._documents.receive(self._name, message.update)
        except Withheld:
            if not answers_us:
                await self._socket.send(encode(SyncStep1(self._doc.get_state())))
        if answers_us:
            self._for_provider.append(encode(SyncStep2(EMPTY_UPDATE)))

    def _know_pending(self) -> None:
        for update in self._updates.pending(self._name, after=self._newest_known):
            self._unconfirmed.add(update.id, update.payload)
            self._newest_known = update.id


def _reason(closed: ConnectionClosed) -> SyncError:
    if closed.rcvd is None:
        return Unreachable("the connection broke off")
    return error_of_close(closed.rcvd.code, closed.rcvd.reason)


class LiveDocument:
    """One document that is kept in step until the task that runs it is cancelled.

    Invariants:
    1. Each connection begins with one exchange over HTTP, which knows the epoch: copies of different
       histories never meet on the socket, whose protocol can't tell them apart.
    2. A connection counts as good when the document is in step, not when it opens: a server that
       accepts and closes is met with growing waits.
    """

    def __init__(
        self,
        name: str,
        url: str,
        credential: Callable[[], str],
        documents: Documents,
        updates: UpdateLog,
        synchronizer: Synchronizer,
        backoff: Backoff,
    ) -> None:
        self._name = name
        self._url = "ws" + url.removeprefix("http") + socket_path(name)
        self._credential = credential
        self._documents = documents
        self._updates = updates
        self._synchronizer = synchronizer
        self._backoff = backoff

    async def run(self) -> None:
        """Connect and come back until cancelled; return when the server refuses the document.

        The refusal is kept as for HTTP. Raises NotAuthenticated for a credential that isn't taken.
        """
        while True:
            try:
                with suppress(Withheld):
                    await self._synchronizer.exchange_once(self._name)
                await self._stay_connected()
            except WrongEpoch as fault:
                self._synchronizer.start_anew(self._name, str(fault))
            except NotAuthenticated:
                raise
            except ClientFault as fault:
                self._updates.reject(self._name, fault.code, str(fault))
                return
            except TryAgain as error:
                await asyncio.sleep(self._backoff.failed(retry_after_seconds(error)))

    async def _stay_connected(self) -> None:
        """Hold one connection. Ends only by raising the reason for its end."""
        headers = {"Authorization": f"Bearer {self._credential()}"}
        if (epoch := self._updates.record(self._name).epoch) is not None:
            headers[EPOCH_HEADER] = epoch
        try:
            connecting = connect(
                self._url,
                additional_headers=headers,
                max_size=MAX_FRAME_BYTES,
                logger=_WithoutFrames(logging.getLogger("websockets.client"), {}),
            )
            async with connecting as socket:
                try:
                    await self._stay_in_step(socket)
                finally:
                    # Before `connecting` would say 1011, an error of ours, for leaving by an exception.
                    await socket.close(CloseCode.GOING_AWAY)
        except BaseExceptionGroup as group:
            raise _first(group) from group
        except (OSError, InvalidHandshake) as error:
            raise Unreachable(f"{type(error).__name__} {error}".rstrip()) from error

    async def _stay_in_step(self, socket: ClientConnection) -> None:
        channel = DocumentChannel(self._name, socket, self._documents, self._updates)
        async with Provider(channel.doc, channel) as provider:
            await provider.synced.wait()
            self._backoff.succeeded()
            await asyncio.get_running_loop().create_future()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the provider's task group; the others are its echoes."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
