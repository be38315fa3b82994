"""Tables that belong to the installation and to no tenant: whether it is in maintenance."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, Table, Text, text

from store.schema_base import metadata, now_column

maintenance = Table(
    "maintenance",
    metadata,
    Column("is_on", Boolean, primary_key=True, server_default=text("true")),  # there is at most one row
    Column("reason", Text, nullable=False),
    Column("retry_after", Integer, nullable=False),  # seconds
    now_column("since"),
    Column("begun_by", Text, nullable=False),
    CheckConstraint("is_on", name="maintenance_is_on_check"),
)
