"""A row for any table of the schema, so that a new table is tested without being mentioned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.schema import metadata

PEOPLE = ("users", "sessions", "sign_in_links")
"""Tables that belong to no tenant: people, who may be members of several."""
INSTALLATION = ("maintenance", "backup_runs")
"""Tables that belong to no tenant and to nobody: they are about all of them."""
ALL_TABLES: Mapping[str, Table] = metadata.tables
TABLES = {name: table for name, table in ALL_TABLES.items() if name not in (*PEOPLE, *INSTALLATION)}
"""Those whose rows belong to a tenant each."""
CHOSEN = {"environment": "live", "state": "active", "role": "viewer", "kind": "named"}
CHOSEN_OF = {("webhook_messages", "state"): "pending"}
"""Texts of columns that hold one of a few."""
TIME = datetime(2026, 5, 1, tzinfo=UTC)


def tenant_column(table: Table) -> Column[Any]:
    """The column that says whose a row is."""
    return table.c.id if table.name == "tenants" else table.c.tenant_id


def row(table: Table, tenant_id: int, number: int) -> dict[str, Any]:
    """A valid row of the tenant, unlike that of any other number. Identities are left to Postgres."""
    values = {column.name: value(column, number) for column in table.c if column.identity is None}
    if "tenant_id" in values:
        values["tenant_id"] = tenant_id
    return values


def value(column: Column[Any], number: int) -> object:
    match column.type:
        case Uuid():
            return UUID(int=number)
        case LargeBinary():
            return number.to_bytes(32, "big")
        case ARRAY():
            return []
        case JSONB():
            return {}
        case DateTime():
            return TIME
        case Boolean():
            return True
        case Integer() | BigInteger() | Double():
            return number
        case Text():
            return CHOSEN_OF.get((column.table.name, column.name), CHOSEN.get(column.name, f"text {number}"))
        case other:
            raise AssertionError(f"say in tests/store/rows.py what a {other!r} looks like")
