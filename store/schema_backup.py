"""The table of backups that were made; about the whole database, so it belongs to no tenant."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid, text

from store.schema_base import metadata, now_column, time_column

backup_runs = Table(
    "backup_runs",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("archive", Text, nullable=False, server_default=text("''")),
    Column("target", Text, nullable=False),
    time_column("started_at", nullable=False),
    now_column("finished_at"),
    Column("size_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("documents", BigInteger, nullable=False, server_default=text("0")),
    Column("updates", BigInteger, nullable=False, server_default=text("0")),
    Column("sha256", Text, nullable=False, server_default=text("''")),
    Column("error", Text, nullable=False, server_default=text("''")),
    time_column("verified_at"),
    Column("verify_error", Text, nullable=False, server_default=text("''")),
    Index("backup_runs_finished", "finished_at"),
)
