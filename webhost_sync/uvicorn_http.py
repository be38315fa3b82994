"""Uvicorn's HTTP protocol, with one thing more: an answer that nobody reads can be broken off.

In: requests. Out: the ASGI app, which finds `ABORT` among the extensions of its scope. Without it a
connection whose client doesn't read would keep what is buffered for it as long as the client likes:
closing waits until that has been read.
"""

from __future__ import annotations

from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from webhost_sync.routes.event_stream import ABORT


class HttpProtocol(HttpToolsProtocol):
    """One connection of an HTTP client."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions = cast(dict[str, object], self.scope.setdefault("extensions", {}))
        extensions[ABORT] = self.transport.abort
