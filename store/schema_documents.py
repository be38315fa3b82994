"""The tables of documents: what there is, the log, and the states that were kept of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
from sqlalchemy.dialects.postgresql import ARRAY

from store.schema_base import metadata, now_column, tenant_column, time_column

documents = Table(
    "documents",
    metadata,
    tenant_column(primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text(collation="C"), nullable=False),  # one order everywhere, that of UTF-8 bytes
    Column("epoch", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("reason", Text),
    Column("head_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("snapshot_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("log_rows", BigInteger, nullable=False, server_default=text("0")),
    Column("log_bytes", BigInteger, nullable=False, server_default=text("0")),
    now_column("created_at"),
    now_column("updated_at"),
    Column("demands_epoch", Boolean, nullable=False, server_default=text("false")),  # its history began anew
    time_column("deleted_at"),
    Column("deleted_by", Text),
    time_column("purge_at"),  # until then it can be brought back
    UniqueConstraint("id"),
    Index("documents_name", "tenant_id", "name", unique=True),
    Index("documents_purge", "purge_at", postgresql_where=text("state = 'deleted'")),
)

document_updates = Table(
    "document_updates",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),  # CRC-32 of the payload, as a signed 32-bit integer
    Column("actor", Text, nullable=False),
    Column("device", Text, nullable=False, server_default=text("''")),
    Column("client_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    now_column("received_at"),
)

document_snapshots = Table(
    "document_snapshots",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("state_vector", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),
    now_column("created_at"),
)

document_versions = Table(
    "document_versions",
    metadata,
    tenant_column(primary_key=True),
    Column("document_id", BigInteger, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=text("''")),
    Column("actor", Text, nullable=False, server_default=text("''")),
    time_column("at", nullable=False),  # when the document had this state: the time of row `seq`
    Column("state", LargeBinary, nullable=False),
    Column("checksum", Integer, nullable=False),
    Column("is_exact", Boolean, nullable=False, server_default=text("true")),
    now_column("created_at"),
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
