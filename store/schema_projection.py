"""The tables about the projection itself: how far it is, what could not become a row, and what failed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, Uuid, text

from store.schema_base import metadata, now_column, tenant_column, time_column

projection_checkpoints = Table(
    "projection_checkpoints",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("epoch", Uuid, nullable=False),
    now_column("projected_at"),
)

projection_rejects = Table(
    "projection_rejects",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    now_column("rejected_at"),
)

projection_failures = Table(
    "projection_failures",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("reason", Text, nullable=False),
    now_column("failed_at"),
    time_column("retry_at", nullable=False),
)
