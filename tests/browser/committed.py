"""What Postgres holds of a test's tenant, past the server: its SQL tables, and its documents as their logs
say. So that what the SDK shows and reports can be held against it."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from pycrdt import Doc, Map

from tests.postgres import select

COLUMNS = ("name", "plate", "group", "driver", "status", "icon", "color", "odometer_m", "archived")
TENANT = "select id from tenants where slug = $1 and environment = 'test'"


async def vehicles(database_url: str, tenant: str) -> list[dict[str, Any]]:
    """The SQL table `vehicles`, as rows of the app: without what is null, attributes among the fields."""
    query = f"select * from vehicles where tenant_id = ({TENANT}) order by id"
    return [_row(record) for record in await select(database_url, query, tenant)]


async def positions(database_url: str, tenant: str) -> list[asyncpg.Record]:
    """`gps_positions`, by vehicle, device and sequence."""
    query = (
        "select vehicle_id, device_id, sequence, time, latitude, longitude from gps_positions"
        f" where tenant_id = ({TENANT}) order by vehicle_id, device_id, sequence, time"
    )
    return await select(database_url, query, tenant)


async def position_conflicts(database_url: str, tenant: str) -> int:
    query = f"select count(*) from position_conflicts where tenant_id = ({TENANT})"
    count: int = (await select(database_url, query, tenant))[0][0]
    return count


async def document_rows(database_url: str, tenant: str, table: str = "vehicles") -> dict[str, dict[str, Any]]:
    """The rows that the committed log of a table's document holds now, by key."""
    doc: Doc[Any] = Doc()
    rows = doc.get("rows", type=Map)
    for content in await _log(database_url, tenant, f"tables/{table}"):
        doc.apply_update(content)
    return {key: dict(row.to_py() or {}) for key, row in rows.items()}


async def _log(database_url: str, tenant: str, document: str) -> list[bytes]:
    """All that was committed, in its order: pycrdt loses fields of what comes before its causes."""
    query = (
        "with document as (select tenant_id, id from documents"
        f" where tenant_id = ({TENANT}) and name = $2)"
        " select seq, 0 as rank, state from document_snapshots join document on document_id = id"
        " union all select seq, 1, payload from document_updates join document on document_id = id"
        " order by rank, seq"
    )
    return [record["state"] for record in await select(database_url, query, tenant, document)]


def _row(record: asyncpg.Record) -> dict[str, Any]:
    known = {name: record[name] for name in COLUMNS if record[name] is not None}
    return {"id": record["id"], **known, **_attributes(record["attributes"])}


def _attributes(stored: Any) -> dict[str, Any]:
    return dict(json.loads(stored)) if isinstance(stored, str) else dict(stored or {})
