"""A receiver of webhooks; and a test module may choose its event loops: `LOOP_FACTORIES = {"asyncio": ...,
"uvloop": ...}`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from tests.server.webhook_receiver import Receiver, running_receiver

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Function) -> Mapping[str, LoopFactory]:
    default: Mapping[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    return getattr(item.module, "LOOP_FACTORIES", default)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running
