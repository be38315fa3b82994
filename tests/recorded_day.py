"""The day of 183 buses as rows of the database, as if it ended three minutes ago.

The recording of `examples.fleet_demo` comes in; positions and latest positions go straight into their tables,
for whoever looks at them and doesn't care how they came. Knows no server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from examples.fleet_demo.recording import Report, read_recording
from store.contract import Tenant

COLUMNS = ["tenant_id", "vehicle_id", "device_id", "sequence", "time", "received_at", "latitude", "longitude",
           "speed_mps", "flags", "document_id", "seq"]  # fmt: skip


def by_vehicle() -> dict[str, list[Report]]:
    """All reports of the day."""
    found: dict[str, list[Report]] = defaultdict(list)
    for report in read_recording().reports:
        found[report.vehicle_id].append(report)
    return found


async def add_positions(
    url: str, tenant: Tenant, reports: Mapping[str, Sequence[Report]], *, last_heard: str | None = None
) -> None:
    """Write the day, moved so that its last fix was three minutes ago; `last_heard` is one more vehicle, that
    was last heard of some weeks before."""
    last_ms = max(report.time_ms for of_one in reports.values() for report in of_one)
    moved = datetime.now(UTC) - timedelta(minutes=3) - _time(last_ms)
    rows = [row for of_one in reports.values() for row in _rows(tenant, of_one, moved)]
    if last_heard is not None:
        quiet = _rows(tenant, next(iter(reports.values()))[:20], moved - timedelta(days=40))
        rows += [(row[0], last_heard, *row[2:]) for row in quiet]
    latest = {row[1]: row for row in rows}
    connection = await asyncpg.connect(url)
    try:
        for month in {row[4].replace(day=1) for row in rows}:
            await connection.execute("select ensure_positions_month($1)", month)
        await connection.copy_records_to_table("gps_positions", records=rows, columns=COLUMNS)
        records = [row[:10] for row in latest.values()]
        await connection.copy_records_to_table("latest_positions", records=records, columns=COLUMNS[:10])
    finally:
        await connection.close()


def _rows(tenant: Tenant, reports: Sequence[Report], moved: timedelta) -> list[tuple[Any, ...]]:
    return [
        (tenant.id, report.vehicle_id, "box", number, time, time + timedelta(seconds=2), report.latitude,
         report.longitude, report.speed_mps, 0, 1_000_000, 1)
        for number, report in enumerate(reports)
        for time in [_time(report.time_ms) + moved]
    ]  # fmt: skip


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
