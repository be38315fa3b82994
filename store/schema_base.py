"""What the tables are made with: one `metadata`, and the columns that nearly all of them have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

metadata = MetaData()


def time_column(name: str, **options: Any) -> Column[Any]:
    return Column(name, TIMESTAMP(timezone=True), **options)


def now_column(name: str) -> Column[Any]:
    return time_column(name, nullable=False, server_default=text("now()"))


def tenant_column(**options: Any) -> Column[int]:
    return Column("tenant_id", BigInteger, nullable=False, **options)
