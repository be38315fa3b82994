"""Fixtures of the interop tests: one server for all of them, one of its own for those that kill it, and
a Node process with the real providers for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol
from uuid import uuid4

import pytest

from tests.interop.peers import (
    COLLAB_VERSIONS,
    VERSIONS,
    Clients,
    CollabPeer,
    CollabVersion,
    Peer,
    ProviderVersion,
    node_clients,
)
from tests.server_process import DOCUMENT_SCOPES, SyncServer, server_process


class OpenPeer(Protocol):
    """Opens a client that may do everything, in the test's own document unless another is named."""

    async def __call__(self, name: str, *, document: str = ...) -> Peer: ...


@pytest.fixture(scope="session")
def server(template_url: str) -> Iterator[SyncServer]:
    yield from server_process(template_url)


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    async with node_clients() as clients:
        yield clients


@pytest.fixture(params=VERSIONS)
def provider(request: pytest.FixtureRequest) -> ProviderVersion:
    """The version of y-websocket."""
    version: ProviderVersion = request.param
    return version


@pytest.fixture
async def open_peer(clients: Clients, server: SyncServer, provider: ProviderVersion) -> OpenPeer:
    params = {"token": await server.token_for("acme", *DOCUMENT_SCOPES)}
    own_document = f"interop/{uuid4()}"

    async def open_peer(name: str, *, document: str = own_document) -> Peer:
        return await clients.open(name, provider, server.sync_url, document, params=params)

    return open_peer


class OpenCollabPeer(Protocol):
    """Opens a client of `/collab` that may do everything, in the test's own document unless another is
    named; further options as for `Clients.open_collab`."""

    async def __call__(self, name: str, *, document: str = ..., **options: Any) -> CollabPeer: ...


@pytest.fixture(params=COLLAB_VERSIONS)
def collab(request: pytest.FixtureRequest) -> CollabVersion:
    """The version of @hocuspocus/provider."""
    version: CollabVersion = request.param
    return version


@pytest.fixture
async def open_collab(clients: Clients, server: SyncServer, collab: CollabVersion) -> OpenCollabPeer:
    token = await server.token_for("acme", *DOCUMENT_SCOPES)
    own_document = f"interop/{uuid4()}"

    async def open_collab(name: str, *, document: str = own_document, **options: Any) -> CollabPeer:
        return await clients.open_collab(name, collab, server.collab_url, document, token, **options)

    return open_collab
