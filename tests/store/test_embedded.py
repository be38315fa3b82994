"""The embedded Postgres: it starts anywhere, is shared, and says what is wrong."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from store.embedded import embedded, running
from tests.postgres import FAST_AND_FORGETFUL, clone_database, create_database, drop_database


async def _ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_starts_in_an_empty_folder_and_stops_at_the_end(tmp_path: Path) -> None:
    with embedded(tmp_path / "new" / "data", settings=FAST_AND_FORGETFUL) as server:
        assert server.owned
        assert await _ask(server.url, "select current_database()") == "webhost"
        assert running(tmp_path / "new" / "data") == server.url
    assert running(tmp_path / "new" / "data") is None


async def test_a_clone_has_what_the_template_has(postgres_url: str) -> None:
    template = await create_database(postgres_url)
    await _ask(template, "create table seen ()")
    clone = await clone_database(template)
    assert await _ask(clone, "select count(*) from seen") == 0
    await drop_database(clone)
    await drop_database(template)
