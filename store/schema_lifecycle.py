"""The tables of a document's life: what was put aside of damaged ones, tombstones, and what was done."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema_base import metadata, now_column, tenant_column, time_column

quarantined_updates = Table(
    "quarantined_updates",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    now_column("quarantined_at"),
    # As the row of the log had them, from its release on.
    Column("checksum", Integer),
    Column("actor", Text),
    Column("device", Text),
    Column("client_ids", ARRAY(BigInteger)),
    time_column("received_at"),
    time_column("released_at"),
    Column("released_by", Text),
)

quarantined_snapshots = Table(
    "quarantined_snapshots",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("state_vector", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),
    time_column("created_at", nullable=False),
    Column("reason", Text, nullable=False),
    now_column("released_at"),
    Column("released_by", Text, nullable=False),
)

document_tombstones = Table(
    "document_tombstones",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("name", Text(collation="C"), nullable=False),
    Column("epoch", Uuid, nullable=False),
    Column("head_seq", BigInteger, nullable=False),
    time_column("created_at", nullable=False),
    time_column("deleted_at", nullable=False),
    Column("deleted_by", Text, nullable=False),
    now_column("purged_at"),
    Column("purged_by", Text, nullable=False),
    Index("document_tombstones_name", "tenant_id", "name"),
)

document_events = Table(
    "document_events",
    metadata,
    tenant_column(primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("document_id", BigInteger, nullable=False),
    Column("name", Text(collation="C"), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    now_column("at"),
    Index("document_events_document", "tenant_id", "document_id", "id"),
)
