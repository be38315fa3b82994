"""The databases of the tests: each test has one of its own, migrated and empty."""

from __future__ import annotations

import pytest

from tests.postgres import database_at
from tests.store.processes import ask


@pytest.mark.parametrize("number", [1, 2])
async def test_what_one_test_makes_the_next_does_not_find(database_url: str, number: int) -> None:
    assert await ask(database_url, "select count(*) from tenants") == 0
    assert await ask(database_url, "select to_regclass('left_behind')") is None
    await ask(database_url, f"create table left_behind as select {number}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://postgres@/a?host=/tmp/socket", "postgresql://postgres@/b?host=/tmp/socket"),
        ("postgresql://user:p%40ss@db:5433/a", "postgresql://user:p%40ss@db:5433/b"),
        ("postgresql:///a", "postgresql:///b"),
    ],
)
def test_another_database_of_the_same_server_has_the_same_url_otherwise(url: str, expected: str) -> None:
    assert database_at(url, "b") == expected
