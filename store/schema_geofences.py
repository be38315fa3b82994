"""The tables of fences: their shapes, what vehicles crossed, and which have to be followed again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from store.schema_base import metadata, now_column, tenant_column, time_column

geofences = Table(
    "geofences",
    metadata,
    tenant_column(primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("kind", Text, nullable=False),
    Column("center_latitude", Double),
    Column("center_longitude", Double),
    Column("radius_m", Double),
    Column("points", JSONB),
    Column("color", Text),
    Column("note", Text),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("document_id", BigInteger, nullable=False),
    now_column("shape_since"),
)

geofence_events = Table(
    "geofence_events",
    metadata,
    tenant_column(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    time_column("time", primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("geofence_id", Text, primary_key=True),
    Column("enters", Boolean, nullable=False),
    Column("latitude", Double, nullable=False),
    Column("longitude", Double, nullable=False),
    Index("geofence_events_time", "tenant_id", "time"),
    Index("geofence_events_fence", "tenant_id", "geofence_id", "time"),
)

geofence_moves = Table(
    "geofence_moves",
    metadata,
    tenant_column(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    time_column("since", nullable=False),
)
