"""What running processes log can be changed without starting them anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from store.changes import announce_level
from tests.app import running_app
from tests.eventually import eventually


@pytest.fixture(autouse=True)
def _levels_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


async def test_every_process_follows_an_operator_s_wish(database_url: str) -> None:
    root = logging.getLogger()
    async with running_app(database_url) as app:

        async def has_level(wish: str, level: int) -> bool:
            await announce_level(app.services.database, wish)  # again: it may not listen yet
            return root.level == level

        await eventually(lambda: has_level("debug", logging.DEBUG))
        await eventually(lambda: has_level("error", logging.ERROR))
        await eventually(lambda: has_level("", logging.INFO))
