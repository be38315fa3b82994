"""A slow statement is logged with its plan, and never with its values."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from structlog.testing import capture_logs

from store.batch import APPEND
from store.contract import NewUpdate
from store.database import Database
from store.tenants import Tenants
from tests.eventually import eventually
from webhost_sync.config import Settings
from webhost_sync.opening import open_store


async def test_a_slow_statement_is_logged_with_its_plan_and_without_its_values(database_url: str) -> None:
    text("select pg_sleep(0.06), cast(:who as text)")
    query = text("select slug, pg_sleep(0.05) from tenants where slug = :slug or pg_sleep(0.05) is null")
    with capture_logs() as lines:
        async with Database(database_url, slow_statement=0.04) as database:
            assert database.slow is not None
            explaining = asyncio.create_task(database.slow.run())
            for _ in range(2):
                async with database.tenant(1) as connection:
                    await connection.execute(
                        text("select pg_sleep(0.06), cast(:who as text)"), {"who": "s3cret"}
                    )
                    await connection.execute(query, {"slug": "s3cret"})

            def explained() -> bool:
                return any(line["event"] == "plan of a slow statement" for line in lines)

            await eventually(explained)
            explaining.cancel()
    slow = [line for line in lines if line["event"] == "slow statement"]
    plans = [line for line in lines if line["event"] == "plan of a slow statement"]
    assert len(slow) >= 2
    assert all(line["ms"] >= 40 for line in slow)
    assert "Result" in plans[0]["plan"]
    assert "s3cret" not in str(lines)


async def test_a_slow_commit_is_logged_too(database_url: str) -> None:
    settings = Settings(_env_file=None).model_copy(update={"slow_statement": 1e-9})  # type: ignore[call-arg]
    with capture_logs() as lines:
        async with open_store(settings, database_url) as store:
            tenant, _ = await Tenants(store.database).create("acme", "Acme")
            record = await store.log.open(tenant.id, "depot", create=True)
            await store.log.append(
                tenant.id, record.id, [NewUpdate(b"s3cret", "ada", "laptop", (1,))], epoch=record.epoch
            )
    slow = [line["statement"] for line in lines if line["event"] == "slow statement"]
    assert APPEND[:100] in {statement[:100] for statement in slow}
    assert "s3cret" not in str(lines)
