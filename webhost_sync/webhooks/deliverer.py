"""Delivers what waits: the task of every serving process, and one request.

Takes the oldest message of each endpoint, signs it, sends it, and reports. A process that is killed in
between has lost nothing: its claim ends, and another, or the same one later, sends the message again. So a
receiver may see one twice, with the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from store.contract import StoreError
from store.webhooks import DueMessage, Webhooks
from webhost_sync import __version__
from webhost_sync.config import Settings
from webhost_sync.webhooks.guard import AddressRefused, Guard
from webhost_sync.webhooks.kinds import pause_after
from webhost_sync.webhooks.signing import body_of, headers_of

logger = structlog.get_logger(__name__)

AT_ONCE = 16
"""Endpoints that are called at a time."""
ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer that are read, and thrown away; whoever sends more is cut off."""
SPARE = timedelta(seconds=30)
"""How much longer than a request's timeout nobody else may take its message."""
KEPT = timedelta(days=30)
"""Messages that were delivered or given up stay so long, to be looked at and replayed."""
HOUSEKEEPING = 3600.0
GONE = 410


@dataclass(frozen=True, slots=True)
class _Outcome:
    ok: bool
    status: int | None = None
    error: str = ""


def guard_of(settings: Settings) -> Guard:
    return Guard.of(settings.webhook_allowed_networks, development=settings.environment == "development")


class Deliverer:
    """One task a process."""

    def __init__(self, webhooks: Webhooks, settings: Settings) -> None:
        self._webhooks = webhooks
        self._settings = settings
        self._guard = guard_of(settings)
        self._random = random.Random()

    async def run(self) -> None:
        """Deliver until cancelled."""
        looked = tidied = float("-inf")
        running: set[asyncio.Task[None]] = set()
        lease = timedelta(seconds=self._settings.webhook_timeout) + SPARE
        client: httpx.AsyncClient | None = None
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            while True:
                now = time.monotonic()
                try:
                    if now - looked >= self._settings.webhook_interval:
                        looked = now
                        await self._webhooks.gather(timedelta(seconds=self._settings.webhook_throttle))
                    if now - tidied > HOUSEKEEPING:
                        tidied = now
                        await self._webhooks.forget(KEPT)
                    for due in await self._webhooks.claim(lease, AT_ONCE - len(running)):
                        if client is None:
                            client = await stack.enter_async_context(await self._client())
                        task = tasks.create_task(self._deliver(client, due))
                        running.add(task)
                        task.add_done_callback(running.discard)
                except StoreError as error:
                    logger.warning("webhooks wait", why=str(error))
                    await asyncio.sleep(self._settings.webhook_interval)
                await self._wait(running)

    async def _client(self) -> httpx.AsyncClient:
        """Made for the first delivery: to read the certificates takes as long as to start a small server."""
        return httpx.AsyncClient(
            verify=await asyncio.to_thread(httpx.create_ssl_context),
            follow_redirects=False,
            trust_env=False,
            timeout=self._settings.webhook_timeout,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def _wait(self, running: set[asyncio.Task[None]]) -> None:
        """Until something was delivered, whose endpoint may have more; or for the interval. One that hangs
        holds up its own messages only."""
        if running:
            patience = self._settings.webhook_interval
            await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(self._settings.webhook_interval)

    async def _deliver(self, client: httpx.AsyncClient, due: DueMessage) -> None:
        outcome = await self._send(client, due)
        again = None if outcome.ok else pause_after(due.attempts, self._random.random())
        try:
            disabled = await self._webhooks.report(
                due,
                ok=outcome.ok,
                status=outcome.status,
                error=outcome.error,
                again=again,
                patience=timedelta(days=self._settings.webhook_disable_days),
                gone=outcome.status == GONE,
            )
        except StoreError as error:  # its lease ends, and it is sent again
            logger.warning("webhook sent twice", seq=due.seq, why=str(error))
            return
        if not outcome.ok:
            logger.info(
                "webhook failed",
                tenant=due.tenant_id,
                seq=due.seq,
                attempts=due.attempts,
                why=outcome.error,
                given_up=again is None,
                disabled=disabled,
            )

    async def _send(self, client: httpx.AsyncClient, due: DueMessage) -> _Outcome:
        body = body_of(due.kind, due.created_at, due.seq, due.data)
        headers = headers_of(due.secret, f"msg_{due.id.hex}", int(time.time()), body)
        try:
            async with asyncio.timeout(self._settings.webhook_timeout):
                address = await self._guard.address_of(due.url)
                parts = urlsplit(due.url)
                host = f"[{address}]" if ":" in address else address
                there = host if parts.port is None else f"{host}:{parts.port}"
                named = parts.netloc
                async with client.stream(
                    "POST",
                    urlunsplit((parts.scheme, there, parts.path or "/", parts.query, "")),
                    content=body,
                    headers={**headers, "host": named, "user-agent": f"webhost-sync/{__version__}"},
                    extensions={"sni_hostname": parts.hostname},
                ) as answer:
                    size = 0
                    async for piece in answer.aiter_raw():
                        size += len(piece)
                        if size > ANSWER_LIMIT:
                            break
                    status = answer.status_code
        except AddressRefused as error:
            return _Outcome(False, error=str(error))
        except TimeoutError:
            return _Outcome(False, error=f"no answer in {self._settings.webhook_timeout:g} s")
        except (httpx.HTTPError, OSError, UnicodeError, ValueError) as error:
            return _Outcome(False, error=f"{type(error).__name__}: {error}"[:300])
        if 200 <= status < 300:
            return _Outcome(True, status)
        return _Outcome(False, status, f"answered {status}")
