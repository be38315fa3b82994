"""Lets a test module choose its event loops: `LOOP_FACTORIES = {"asyncio": ..., "uvloop": ...}`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Function) -> Mapping[str, LoopFactory]:
    default: Mapping[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    return getattr(item.module, "LOOP_FACTORIES", default)
