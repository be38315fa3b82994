"""Who is present in a document, told from process to process over Redis. Never stored, and may be lost.

    message = [process, tenant id, document, owner, base64 of an awareness update]

`process` tells a process its own messages, which come back to it like anybody's. Where the update is empty
the message is a question: whoever has somebody there says so. Never looks inside an update.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from store.redis_link import RedisLink

CHANNEL = "webhost_presence"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Presence:
    """What the clients of one owner show in one document; without an update, a question for all."""

    tenant_id: int
    document: str
    owner: str = ""
    update: bytes = b""


class PresenceChannel:
    """Invariant: what this process says, it does not hear."""

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self._link = link
        self._name = f"{prefix}:{CHANNEL}"
        self._process = secrets.token_hex(8)

    @property
    def link(self) -> RedisLink:
        return self._link

    async def say(self, said: Sequence[Presence]) -> None:
        """Tell all other processes. Raises: one of `store.redis_link.away()`."""
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for presence in said:
                pipeline.publish(self._name, encode(self._process, presence))
            await pipeline.execute()

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[AsyncIterator[tuple[str, Presence]]]:
        """What others say from now on, each with its process; ends when Redis goes. Raises: as `say`."""
        async with self._link.subscription(self._name) as messages:
            yield self._from_others(messages)

    async def _from_others(self, messages: AsyncIterator[str]) -> AsyncIterator[tuple[str, Presence]]:
        async for payload in messages:
            try:
                process, presence = decode(payload)
            except ValueError as error:
                log.warning("presence ignored: error %s", error)
                continue
            if process != self._process:
                yield process, presence


def encode(process: str, presence: Presence) -> str:
    update = base64.b64encode(presence.update).decode()
    return json.dumps([process, presence.tenant_id, presence.document, presence.owner, update])


def decode(payload: str) -> tuple[str, Presence]:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [str(process), int(tenant_id), str(document), str(owner), str(update)]:
            try:
                return process, Presence(tenant_id, document, owner, base64.b64decode(update, validate=True))
            except binascii.Error as error:
                raise ValueError("no base64") from error
    raise ValueError(f"no presence: {payload[:100]}")
