"""What the demo asks Postgres: how many rows there are, and where the buses are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from store.database import Database
from store.schema import gps_positions, latest_positions, vehicles


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest position of a bus."""

    vehicle_id: str
    name: str | None
    status: str | None
    time: datetime
    latitude: float
    longitude: float
    speed_mps: float | None


@dataclass(frozen=True, slots=True)
class Rows:
    """The tables at one moment; `latest` holds the buses that reported last."""

    positions: int
    vehicles: int
    latest: tuple[Latest, ...]


async def read_rows(database: Database, tenant_id: int, latest: int = 10) -> Rows:
    """Count the rows of the tenant. Raises: store.contract.StoreError."""
    async with database.tenant(tenant_id) as connection:
        positions = await connection.scalar(select(func.count()).select_from(gps_positions))
        buses = await connection.scalar(select(func.count()).select_from(vehicles))
        joined = latest_positions.outerjoin(
            vehicles,
            (vehicles.c.tenant_id == latest_positions.c.tenant_id)
            & (vehicles.c.id == latest_positions.c.vehicle_id),
        )
        columns = (
            latest_positions.c.vehicle_id,
            vehicles.c.name,
            vehicles.c.status,
            latest_positions.c.time,
            latest_positions.c.latitude,
            latest_positions.c.longitude,
            latest_positions.c.speed_mps,
        )
        newest = (
            select(*columns)
            .select_from(joined)
            .order_by(latest_positions.c.time.desc(), latest_positions.c.vehicle_id)
            .limit(latest)
        )
        rows = (await connection.execute(newest)).all()
    return Rows(positions or 0, buses or 0, tuple(Latest(*row) for row in rows))
