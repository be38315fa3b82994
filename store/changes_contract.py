"""What processes may hear of each other: `store.contract` goes on here, with its errors and its rules.

Messages are frozen records, said over Postgres (`store.changes`) and Redis (`store.shared_changes`). They
carry who changed and up to which seq or version, and never what.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Change:
    """Said to whoever listens, after a commit: the log of a document grew up to `last_seq`."""

    tenant_id: int
    document_id: int
    name: str
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class RightsChanged:
    """Said to whoever listens: what this key may do has changed, or it was revoked."""

    tenant_id: int
    key_id: UUID


@dataclass(frozen=True, slots=True)
class LifeChanged:
    """Said to whoever listens: a document was deleted, brought back, released or begun anew."""

    tenant_id: int
    document_id: int
    name: str


@dataclass(frozen=True, slots=True)
class LatestMoved:
    """Said to whoever listens, after a commit: the tenant's latest positions changed up to `version`."""

    tenant_id: int
    version: int


@dataclass(frozen=True, slots=True)
class LevelWanted:
    """An operator wants all processes to log at this level; empty for what their settings say."""

    level: str


@dataclass(frozen=True, slots=True)
class Missed:
    """In place of a message: some may have been lost, so whoever listens has to look for itself."""


MISSED = Missed()


class Changes(Protocol):
    """Tells processes about each other's commits, and about revoked rights. May lose messages:
    whoever listens reads what was committed by seq or version, and polls now and then."""

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Change | Missed]]:
        """Changes committed by any process from now on. Ends with Unavailable when the connection breaks."""
        ...

    def listen_rights(self) -> AbstractAsyncContextManager[AsyncIterator[RightsChanged]]:
        """Keys whose rights any process changed from now on. Ends as `listen` does."""
        ...

    def listen_lives(self) -> AbstractAsyncContextManager[AsyncIterator[LifeChanged]]:
        """Documents whose life any process changed from now on. Ends as `listen` does."""
        ...

    def listen_latest(self) -> AbstractAsyncContextManager[AsyncIterator[LatestMoved | Missed]]:
        """Tenants whose latest positions any process changed from now on. Ends as `listen` does."""
        ...
