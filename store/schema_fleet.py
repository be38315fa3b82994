"""The tables of vehicles and positions, as the projector writes them, and the numbers to follow them by."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.schema_base import metadata, tenant_column, time_column

vehicles = Table(
    "vehicles",
    metadata,
    tenant_column(primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("plate", Text),
    Column("group", Text),
    Column("driver", Text),
    Column("status", Text),
    Column("icon", Text),
    Column("color", Text),
    Column("odometer_m", Double),
    time_column("installed_at"),
    Column("archived", Boolean),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("document_id", BigInteger, nullable=False),
)

gps_positions = Table(
    "gps_positions",
    metadata,
    tenant_column(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    time_column("time", primary_key=True),  # of the fix
    time_column("device_time"),
    time_column("received_at", nullable=False),
    Column("latitude", Double, nullable=False),
    Column("longitude", Double, nullable=False),
    Column("altitude_m", Double),
    Column("speed_mps", Double),
    Column("heading_deg", Double),
    Column("accuracy_m", Double),
    Column("valid", Boolean),
    Column("flags", Integer, nullable=False, server_default=text("0")),
    Column("attributes", JSONB),
    Column("document_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the log row that brought the fix
    Column("version", BigInteger),  # of the tenant's feed, when the row was written
    Index("gps_positions_vehicle_time", "tenant_id", "vehicle_id", "time"),
    Index("gps_positions_time", "tenant_id", "time"),
    Index("gps_positions_document", "tenant_id", "document_id"),
    Index("gps_positions_version", "tenant_id", "version"),
    postgresql_partition_by="RANGE (time)",
)

latest_positions = Table(
    "latest_positions",
    metadata,
    tenant_column(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    time_column("time", nullable=False),
    time_column("received_at", nullable=False),
    Column("latitude", Double, nullable=False),
    Column("longitude", Double, nullable=False),
    Column("altitude_m", Double),
    Column("speed_mps", Double),
    Column("heading_deg", Double),
    Column("accuracy_m", Double),
    Column("valid", Boolean),
    Column("flags", Integer, nullable=False),
    Column("attributes", JSONB),
    postgresql_with={"fillfactor": 50},
)

# The numbering of a tenant's positions and latest positions. Readers of another epoch begin anew.
position_feeds = Table(
    "position_feeds",
    metadata,
    tenant_column(primary_key=True),
    Column("epoch", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("version", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 50},
)

latest_changes = Table(
    "latest_changes",
    metadata,
    tenant_column(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),  # of the vehicle's newest change
    Index("latest_changes_version", "tenant_id", "version", unique=True),
)

position_conflicts = Table(
    "position_conflicts",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("content_hash", LargeBinary, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("content", JSONB, nullable=False),
)
