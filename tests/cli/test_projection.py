"""The projector as a command, and the rebuilding of tables by command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pycrdt import Doc, Map

from store.contract import Environment
from store.tenants import Tenants
from tests.cli.conftest import Run
from tests.cli.processes import command
from tests.eventually import eventually
from tests.store.logs import open_log


async def put_vehicle(url: str, slug: str, name: str) -> None:
    """Append the document that holds one vehicle of a tenant, which is made if it isn't there."""
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("rows", type=Map)["truck-7"] = Map({"name": name})
    async with open_log(url) as log:
        tenants = Tenants(log.database)
        tenant = await tenants.find(slug, Environment.LIVE) or (await tenants.create(slug, slug))[0]
        await log.append(await log.document("tables/vehicles", tenant.id), doc.get_update())


async def vehicle_names(url: str, change: str | None = None) -> list[str]:
    """The names in the table, as a superuser sees them, after the given statement."""
    connection = await asyncpg.connect(url)
    try:
        if change is not None:
            await connection.execute(change)
        return [row["name"] for row in await connection.fetch("select name from vehicles order by tenant_id")]
    finally:
        await connection.close()


def test_a_rebuild_makes_the_rows_from_the_documents(run_migrated: Run, database_url: str) -> None:
    asyncio.run(put_vehicle(database_url, "acme", "Seven"))

    assert run_migrated("rebuild", "--json").document == {"documents": 1}

    assert asyncio.run(vehicle_names(database_url)) == ["Seven"]


def test_a_rebuild_of_one_tenant_leaves_the_others_alone(run_migrated: Run, database_url: str) -> None:
    for slug in ("acme", "other"):
        asyncio.run(put_vehicle(database_url, slug, slug))
    run_migrated("rebuild")
    asyncio.run(vehicle_names(database_url, "update vehicles set name = 'damaged'"))

    assert run_migrated("rebuild", "--tenant", "acme", "--table", "vehicles").code == 0

    assert asyncio.run(vehicle_names(database_url)) == ["acme", "damaged"]


def test_a_rebuild_of_an_unknown_tenant_is_refused(run_migrated: Run) -> None:
    refused = run_migrated("rebuild", "--tenant", "nobody")
    assert refused.code == 1
    assert "webhost-sync tenant list" in refused.err


@pytest.mark.parametrize(
    "arguments", [("project",), ("serve", "--port", "0"), ("project", "--until-stdin-ends")]
)
async def test_rows_follow_the_documents_while_it_runs(
    tmp_path: Path, database_url: str, arguments: tuple[str, ...]
) -> None:
    async def row_is_there() -> bool:
        return await vehicle_names(database_url) == ["Seven"]

    with command(tmp_path, *arguments, DATABASE_URL=database_url) as projector:
        await put_vehicle(database_url, "acme", "Seven")
        await eventually(row_is_there)
        assert projector.stop() == 0


async def test_a_server_can_leave_the_rows_to_another_process(tmp_path: Path, database_url: str) -> None:
    arguments = ("serve", "--port", "0", "--no-projector", "--json")
    with command(tmp_path, *arguments, DATABASE_URL=database_url) as server:
        await put_vehicle(database_url, "acme", "Seven")
        server.document()
        await eventually(lambda: "server ready" in server.log.read_text())
        assert server.stop() == 0
    assert await vehicle_names(database_url) == []
