"""The tables of customers: tenants, their keys, and what was done in their name."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, LargeBinary, Table, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema_base import metadata, now_column, tenant_column, time_column

tenants = Table(
    "tenants",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("limits", JSONB, nullable=False, server_default=text("'{}'")),
    Column("retention", JSONB, nullable=False, server_default=text("'{}'")),
    now_column("created_at"),
    UniqueConstraint("slug", "environment"),
)

api_keys = Table(
    "api_keys",
    metadata,
    tenant_column(primary_key=True),
    Column("id", Uuid, primary_key=True, unique=True, server_default=text("gen_random_uuid()")),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("documents", ARRAY(Text), nullable=False, server_default=text("'{*}'")),
    now_column("created_at"),
    time_column("expires_at"),
    time_column("last_used_at"),
    time_column("revoked_at"),
)

audit_log = Table(
    "audit_log",
    metadata,
    tenant_column(primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    now_column("happened_at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("request_id", Text, nullable=False, server_default=text("''")),
)
