"""The webhooks of a space: for the API and commands alike. No HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from store.audit import Deed
from store.webhooks import UnknownEndpoint, WebhookEndpoint, Webhooks, WebhookTally
from webhost_sync.errors import InvalidRequest, NotFound
from webhost_sync.webhooks.guard import Guard
from webhost_sync.webhooks.kinds import EventKind
from webhost_sync.webhooks.signing import SECRET_BYTES, secret_text

MOST_ENDPOINTS = 20


class Webhook(BaseModel):
    """Where messages go. Never with its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    description: str
    kinds: list[EventKind]
    enabled: bool = Field(description="Switched off, it gets no messages; what waited waits on.")
    failing_since: datetime | None = Field(description="Of the first failure since it last took a message.")
    disabled_reason: str | None
    created_at: datetime


class WebhookState(Webhook):
    """A webhook, and what became of its messages."""

    waiting: int = Field(description="Messages that wait to be taken.")
    given_up: int = Field(description="Messages that were never taken.")
    last_delivered_at: datetime | None


class WebhookStates(BaseModel):
    items: list[WebhookState]


class NewWebhook(BaseModel):
    secret: str = Field(description="Signs its messages. Shown this once.")
    webhook: Webhook


class WebhookList(BaseModel):
    items: list[Webhook]


class Message(BaseModel):
    """What was told, or waits to be."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    id: UUID = Field(description="Its `webhook-id` is `msg_` and this without hyphens.")
    kind: EventKind
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    next_attempt_at: datetime = Field(description="Means something only while it is pending.")
    last_status: int | None
    last_error: str
    created_at: datetime
    delivered_at: datetime | None


class MessageList(BaseModel):
    items: list[Message]


class Replayed(BaseModel):
    messages: int = Field(description="How many are sent again.")


class WebhookDesk:
    """Every method raises Unavailable as well."""

    def __init__(self, webhooks: Webhooks, guard: Guard) -> None:
        self._webhooks = webhooks
        self._guard = guard

    async def of(self, tenant_id: int) -> WebhookList:
        found = await self._webhooks.all(tenant_id)
        return WebhookList(items=[Webhook.model_validate(each) for each in found])

    async def states(self, tenant_id: int) -> WebhookStates:
        found = await self._webhooks.all(tenant_id)
        tallies = await self._webhooks.tallies(tenant_id)
        return WebhookStates(items=[_state(each, tallies.get(each.id, WebhookTally())) for each in found])

    async def state(self, tenant_id: int, endpoint_id: UUID) -> WebhookState:
        """Raises: NotFound."""
        for found in (await self.states(tenant_id)).items:
            if found.id == endpoint_id:
                return found
        raise NotFound("no such webhook")

    async def create(
        self, tenant_id: int, *, url: str, kinds: Sequence[EventKind], description: str, deed: Deed
    ) -> NewWebhook:
        """Raises: InvalidRequest."""
        self._guard.check_url(url)
        if not kinds:
            raise InvalidRequest(f"say what it is to be told of: {', '.join(EventKind)}")
        if len(await self._webhooks.all(tenant_id)) >= MOST_ENDPOINTS:
            raise InvalidRequest(f"a space has {MOST_ENDPOINTS} webhooks at most; remove one first")
        secret = secrets.token_bytes(SECRET_BYTES)
        made = await self._webhooks.add(
            tenant_id,
            url=url,
            description=description,
            kinds=[kind.value for kind in dict.fromkeys(kinds)],
            secret=secret,
            deed=deed,
        )
        return NewWebhook(secret=secret_text(secret), webhook=Webhook.model_validate(made))

    async def remove(self, tenant_id: int, endpoint_id: UUID, *, deed: Deed) -> None:
        """Raises: NotFound."""
        with _found():
            await self._webhooks.remove(tenant_id, endpoint_id, deed=deed)

    async def enable(self, tenant_id: int, endpoint_id: UUID, *, deed: Deed) -> Webhook:
        """Raises: NotFound."""
        with _found():
            return Webhook.model_validate(await self._webhooks.enable(tenant_id, endpoint_id, deed=deed))

    async def messages(
        self, tenant_id: int, endpoint_id: UUID, *, state: str | None, before: int | None, limit: int
    ) -> MessageList:
        """The newest first. Raises: NotFound."""
        await self._demand(tenant_id, endpoint_id)
        found = await self._webhooks.messages(tenant_id, endpoint_id, state=state, before=before, limit=limit)
        return MessageList(items=[Message.model_validate(each) for each in found])

    async def replay(self, tenant_id: int, endpoint_id: UUID, from_seq: int, *, deed: Deed) -> Replayed:
        """Raises: NotFound."""
        await self._demand(tenant_id, endpoint_id)
        return Replayed(messages=await self._webhooks.replay(tenant_id, endpoint_id, from_seq, deed=deed))

    async def _demand(self, tenant_id: int, endpoint_id: UUID) -> None:
        if not any(each.id == endpoint_id for each in await self._webhooks.all(tenant_id)):
            raise NotFound("no such webhook")


def _state(endpoint: WebhookEndpoint, tally: WebhookTally) -> WebhookState:
    return WebhookState(**Webhook.model_validate(endpoint).model_dump(), **asdict(tally))


@contextmanager
def _found() -> Iterator[None]:
    try:
        yield
    except UnknownEndpoint as error:
        raise NotFound("no such webhook") from error
