"""The tables, as SQLAlchemy Core knows them. Migrations make them; a test holds the two together.

`tenant_id` is the first column of every key, so that the schema can be distributed or partitioned
by tenant as it is, and so that row-level security reads the column it has an index for. Tables of
people (`users`, `sessions`, `sign_in_links`) belong to no tenant, and one role alone may reach them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store import (
    schema_backup,
    schema_base,
    schema_geofences,
    schema_lifecycle,
    schema_operations,
    schema_webhooks,
)
from store.schema_base import now_column as _now
from store.schema_base import tenant_column as _tenant
from store.schema_base import time_column as _time

metadata = schema_base.metadata
quarantined_updates = schema_lifecycle.quarantined_updates
document_tombstones = schema_lifecycle.document_tombstones
document_events = schema_lifecycle.document_events
maintenance = schema_operations.maintenance
backup_runs = schema_backup.backup_runs
webhook_endpoints = schema_webhooks.webhook_endpoints
geofences = schema_geofences.geofences
geofence_events = schema_geofences.geofence_events


def _user(**options: Any) -> Column[Any]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, **options)


tenants = Table(
    "tenants",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("limits", JSONB, nullable=False, server_default=text("'{}'")),
    Column("retention", JSONB, nullable=False, server_default=text("'{}'")),
    _now("created_at"),
    UniqueConstraint("slug", "environment"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _tenant(primary_key=True),
    Column("id", Uuid, primary_key=True, unique=True, server_default=text("gen_random_uuid()")),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("documents", ARRAY(Text), nullable=False, server_default=text("'{*}'")),
    _now("created_at"),
    _time("expires_at"),
    _time("last_used_at"),
    _time("revoked_at"),
)

documents = Table(
    "documents",
    metadata,
    _tenant(primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text(collation="C"), nullable=False),  # one order everywhere, that of UTF-8 bytes
    Column("epoch", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("reason", Text),
    Column("head_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("snapshot_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("log_rows", BigInteger, nullable=False, server_default=text("0")),
    Column("log_bytes", BigInteger, nullable=False, server_default=text("0")),
    _now("created_at"),
    _now("updated_at"),
    Column("demands_epoch", Boolean, nullable=False, server_default=text("false")),  # its history began anew
    _time("deleted_at"),
    Column("deleted_by", Text),
    _time("purge_at"),  # until then it can be brought back
    UniqueConstraint("id"),
    Index("documents_name", "tenant_id", "name", unique=True),
    Index("documents_purge", "purge_at", postgresql_where=text("state = 'deleted'")),
)

document_updates = Table(
    "document_updates",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),  # CRC-32 of the payload, as a signed 32-bit integer
    Column("actor", Text, nullable=False),
    Column("device", Text, nullable=False, server_default=text("''")),
    Column("client_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    _now("received_at"),
)

document_snapshots = Table(
    "document_snapshots",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("state_vector", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),
    _now("created_at"),
)

document_versions = Table(
    "document_versions",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=text("''")),
    Column("actor", Text, nullable=False, server_default=text("''")),
    _time("at", nullable=False),  # when the document had this state: the time of row `seq`
    Column("state", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),
    Column("is_exact", Boolean, nullable=False, server_default=text("true")),
    _now("created_at"),
    Index("document_versions_seq", "tenant_id", "document_id", "seq"),
    Index(
        "document_versions_automatic",
        "tenant_id",
        "document_id",
        "seq",
        unique=True,
        postgresql_where=text("kind = 'automatic'"),
    ),
)

vehicles = Table(
    "vehicles",
    metadata,
    _tenant(primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("plate", Text),
    Column("group", Text),
    Column("driver", Text),
    Column("status", Text),
    Column("icon", Text),
    Column("color", Text),
    Column("odometer_m", Double),
    _time("installed_at"),
    Column("archived", Boolean),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("document_id", BigInteger, nullable=False),
)

gps_positions = Table(
    "gps_positions",
    metadata,
    _tenant(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    _time("time", primary_key=True),  # of the fix
    _time("device_time"),
    _time("received_at", nullable=False),
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
    _tenant(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _time("time", nullable=False),
    _time("received_at", nullable=False),
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
    _tenant(primary_key=True),
    Column("epoch", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("version", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 50},
)

latest_changes = Table(
    "latest_changes",
    metadata,
    _tenant(primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),  # of the vehicle's newest change
    Index("latest_changes_version", "tenant_id", "version", unique=True),
)

position_conflicts = Table(
    "position_conflicts",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("vehicle_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("content_hash", LargeBinary, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("content", JSONB, nullable=False),
)

projection_checkpoints = Table(
    "projection_checkpoints",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("epoch", Uuid, nullable=False),
    _now("projected_at"),
)

projection_rejects = Table(
    "projection_rejects",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _now("rejected_at"),
)

projection_failures = Table(
    "projection_failures",
    metadata,
    _tenant(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("reason", Text, nullable=False),
    _now("failed_at"),
    _time("retry_at", nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("email", Text, nullable=False),  # in lower case
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    _now("created_at"),
    _time("last_signed_in_at"),
    Index("users_email", "email", unique=True),
)


memberships = Table(
    "memberships",
    metadata,
    _tenant(primary_key=True),
    _user(primary_key=True),
    Column("role", Text, nullable=False),
    _now("created_at"),
    Index("memberships_user", "user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    _user(),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    _now("created_at"),
    _now("last_seen_at"),
    _time("expires_at", nullable=False),
    Index("sessions_user", "user_id"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    Column("email", Text, nullable=False),
    Column("slug", Text),
    Column("role", Text),
    _now("created_at"),
    _time("expires_at", nullable=False),
    _time("used_at"),
)

audit_log = Table(
    "audit_log",
    metadata,
    _tenant(primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _now("happened_at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("request_id", Text, nullable=False, server_default=text("''")),
)
