"""Fixtures that every folder of tests shares: a Postgres server, and a migrated database a test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

from store.migrate import upgrade
from tests.lengths import FUZZ
from tests.postgres import cloned_database, create_database, drop_database, postgres_cluster
from tests.server_process import SyncServer, server_process

# How long an example takes says more about what else the machine does than about the code.
# What a change is judged by says the same twice; `make fuzz` looks for what nobody has seen yet.
settings.register_profile("tests", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=1_000)
settings.load_profile("fuzz" if FUZZ else "tests")


# What is loaded to collect the tests stays until the end: nobody has to look for garbage in it, which took
# two fifths of the time to collect them, and a part of each test's.
gc.disable()


WHOLE = ("tests/browser/", "tests/examples/")
TOGETHER = "tests/postgis/"


class SomeFilesWhole(LoadGroupScheduling):  # type: ignore[misc]
    """Hands a file of browser tests to one process: its dashboard would be made in each that gets a part. And
    one of examples, whose starts build into one folder. And all that ask the Postgres in WebAssembly, which
    takes longer to start than they do."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith(TOGETHER):
            return TOGETHER
        return path if path.startswith(WHOLE) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SomeFilesWhole | None:
    return SomeFilesWhole(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server; make databases of your own on it."""
    with postgres_cluster() as url:
        yield url


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> Iterator[str]:
    """A migrated database that is only cloned: nobody may stay connected to it."""
    url = asyncio.run(create_database(postgres_url))
    upgrade(url)
    yield url
    asyncio.run(drop_database(url))


@pytest.fixture
async def database_url(template_url: str) -> AsyncIterator[str]:
    """A migrated, empty database for one test."""
    async with cloned_database(template_url) as url:
        yield url


@pytest.fixture
def own_server(template_url: str) -> Iterator[SyncServer]:
    """A server in a process of its own, for a test that kills or torments it."""
    yield from server_process(template_url)
