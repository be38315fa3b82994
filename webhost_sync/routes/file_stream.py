"""An answer that is a file of any size, a part at a time.

In: parts, each made when the reader has taken the one before it, so memory doesn't grow with the file. Out:
the answer. Where the first part can't be made, the answer is an ordinary error; where a later one can't, the
connection breaks, so that nobody takes half a file for the whole. Knows nothing of what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from webhost_sync.errors import TooSlow
from webhost_sync.routes.event_stream import Gone, abort_connection, client_left

logger = structlog.get_logger(__name__)
Open = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


class FileStream(Response):
    """The answer. `open` gives its parts; there is at least one."""

    def __init__(self, open: Open, *, media_type: str, headers: Mapping[str, str], patience: float) -> None:
        """`patience`: seconds that the client may take to read one part."""
        super().__init__(headers={"Cache-Control": "no-store", **headers}, media_type=media_type)
        del self.headers["content-length"]
        self._open = open
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises: SyncError, StoreError; before the answer begins, or to break it off."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        failure: Exception | None = None
        gone = False
        async with self._open() as parts:
            first = await anext(parts)
            await send(start)
            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(client_left(receive))
                    failure = await self._write(first, parts, send)
                    watching.cancel()
            except* Gone:
                gone = True
        if gone:
            await abort_connection(scope, receive)
        elif failure is not None:
            raise failure
        else:
            await send({"type": "http.response.body", "body": b""})

    async def _write(self, first: bytes, parts: AsyncIterator[bytes], send: Send) -> Exception | None:
        """Write all parts; what kept one from being made. Raises: Gone."""
        part = first
        try:
            while True:
                await self._send(send, part)
                part = await anext(parts)
        except StopAsyncIteration:
            return None
        except Gone:
            raise
        except Exception as error:
            return error

    async def _send(self, send: Send, part: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            logger.info("file not read on", why=TooSlow.code)
            raise Gone from None
