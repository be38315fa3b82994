"""Fixtures that every folder of tests shares: a Postgres server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import postgres_cluster


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server; make databases of your own on it."""
    with postgres_cluster() as url:
        yield url
