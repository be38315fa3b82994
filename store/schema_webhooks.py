"""The tables of webhooks: endpoints, messages that wait or were sent, and what was told of each document."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema_base import metadata, now_column, tenant_column, time_column

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    tenant_column(primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    time_column("failing_since"),
    Column("disabled_reason", Text),
    now_column("created_at"),
)


def _of_endpoint() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "endpoint_id"],
        ["webhook_endpoints.tenant_id", "webhook_endpoints.id"],
        ondelete="CASCADE",
    )


webhook_messages = Table(
    "webhook_messages",
    metadata,
    tenant_column(primary_key=True),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    now_column("next_attempt_at"),
    Column("last_status", Integer),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    now_column("created_at"),
    time_column("delivered_at"),
    _of_endpoint(),
    Index("webhook_messages_endpoint", "tenant_id", "endpoint_id", "seq"),
    Index("webhook_messages_id", "tenant_id", "endpoint_id", "id", unique=True),
    Index(
        "webhook_messages_pending",
        "tenant_id",
        "endpoint_id",
        "seq",
        postgresql_where=text("state = 'pending'"),
    ),
)

webhook_told = Table(
    "webhook_told",
    metadata,
    tenant_column(primary_key=True),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    now_column("told_at"),
    _of_endpoint(),
)
