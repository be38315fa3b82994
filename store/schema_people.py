"""The tables of people, who belong to no tenant but by a membership; one role alone may reach these."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text

from store.schema_base import metadata, now_column, tenant_column, time_column


def _user_column(**options: Any) -> Column[Any]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, **options)


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("email", Text, nullable=False),  # in lower case
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    now_column("created_at"),
    time_column("last_signed_in_at"),
    Index("users_email", "email", unique=True),
)

memberships = Table(
    "memberships",
    metadata,
    tenant_column(primary_key=True),
    _user_column(primary_key=True),
    Column("role", Text, nullable=False),
    now_column("created_at"),
    Index("memberships_user", "user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    _user_column(),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    now_column("created_at"),
    now_column("last_seen_at"),
    time_column("expires_at", nullable=False),
    Index("sessions_user", "user_id"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    Column("email", Text, nullable=False),
    Column("slug", Text),
    Column("role", Text),
    now_column("created_at"),
    time_column("expires_at", nullable=False),
    time_column("used_at"),
)
