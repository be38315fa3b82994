"""An answer that goes on until somebody ends it: server-sent events.

    event = "event: " name LF ["id: " text LF] "data: " one line of JSON LF LF
    last  = event named "end", whose data is an error of the API

In: events, made when the reader has taken the one before it; so whoever reads slowly costs one event and
what the socket buffers. Out: the answer. Where the first event can't be made, the answer is an ordinary
error. Knows nothing of what is streamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from webhost_sync.errors import SyncError, TooSlow
from webhost_sync.routes.failures import error_of, is_unexpected
from webhost_sync.routes.models import ErrorAnswer, ErrorDetail

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second: nginx, pass it on at once
ABORT = "webhost_sync.abort"
"""ASGI extension: a function without arguments that drops the connection and what is buffered for it."""
END_PATIENCE = 1.0
"""Seconds in which a reader must have taken what is written before the end; else it doesn't learn why."""

logger = structlog.get_logger(__name__)


def event(name: str, data: bytes, event_id: str = "") -> bytes:
    """One event; `data` is JSON without line breaks."""
    id_line = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{id_line}".encode() + b"data: " + data + b"\n\n"


def keep_alive(event_id: str = "") -> bytes:
    """A comment, which no reader sees; an id without data is remembered and is no event."""
    return f": keep-alive\n{f'id: {event_id}' if event_id else ''}\n\n".encode()


class Reader:
    """Whoever reads a stream. `woken` is set when there is something new, or nothing more to come.

    A `webhost_sync.sync.live.WayOut`.
    """

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.ended: SyncError | None = None
        self._over = asyncio.Event()

    def close(self, error: SyncError) -> None:
        """End the stream; the first error counts."""
        self.ended = self.ended or error
        self._over.set()
        self.woken.set()

    @property
    def buffered(self) -> int:
        """None are kept here: an event is made when the one before it was taken."""
        return 0

    def keep_alive(self) -> None:
        """Streams have one of their own."""

    async def wait(self, timeout: float) -> bool:
        """Until woken (True), or so many seconds (False)."""
        try:
            async with asyncio.timeout(timeout):
                await self.woken.wait()
        except TimeoutError:
            return False
        self.woken.clear()
        return True

    async def over(self) -> None:
        await self._over.wait()


class Gone(Exception):
    """The client has left, or is not waited for any longer."""


Open = Callable[[Reader], AbstractAsyncContextManager[AsyncIterator[bytes]]]
Register = Callable[[Reader], AbstractContextManager[None]]


class EventStream(Response):
    """The answer. `register` makes the reader known to whoever may end it, and `open` gives its events."""

    media_type = MEDIA_TYPE

    def __init__(self, register: Register, open: Open, *, patience: float) -> None:
        """`patience`: seconds that the client may take to read one event."""
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._register = register
        self._open = open
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the client leaves, or the stream is ended. Raises: SyncError, StoreError, as long
        as nothing has been answered."""
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b""})
            return
        reader = Reader()
        with self._register(reader):
            async with self._open(reader) as events:
                first = await anext(events)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                try:
                    async with asyncio.TaskGroup() as tasks:
                        watching = [
                            tasks.create_task(client_left(receive)),
                            tasks.create_task(_overdue(reader)),
                        ]
                        await self._write(reader, first, events, send)
                        for task in watching:
                            task.cancel()
                except* Gone:
                    await abort_connection(scope, receive)

    async def _write(self, reader: Reader, first: bytes, events: AsyncIterator[bytes], send: Send) -> None:
        written = first
        try:
            while reader.ended is None:
                await self._send(send, written)
                written = await anext(events)
        except StopAsyncIteration:
            pass
        except Gone:
            raise
        except Exception as error:
            # The answer has begun, so what went wrong is told as its last event.
            if is_unexpected(error):
                logger.exception("stream failed")
            reader.close(error_of(error))
        if (ended := reader.ended) is not None:
            logger.info("stream ended", why=ended.code)
            await self._send(send, _end(ended))
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, written: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await send({"type": "http.response.body", "body": written, "more_body": True})
        except TimeoutError:
            logger.info("stream ended", why=TooSlow.code)
            raise Gone from None


def _end(error: SyncError) -> bytes:
    detail = ErrorDetail(code=error.code, message=str(error), retry=error.retry)
    return event("end", ErrorAnswer(error=detail).model_dump_json().encode())


async def client_left(receive: Receive) -> None:
    """Wait for it. Raises: Gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Gone


async def _overdue(reader: Reader) -> None:
    """Whoever doesn't read must not go on just because the end can't be told."""
    await reader.over()
    await asyncio.sleep(END_PATIENCE)
    raise Gone


async def abort_connection(scope: Scope, receive: Receive) -> None:
    """Drop the connection, and wait until it is gone: else the server takes us for a failed answer."""
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is not None:
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
