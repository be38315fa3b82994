"""The recorded day as plain values: which bus was where when, and what kind of network each has here.

In: the CSV file. Out: reports in the order of their times. Pure but for the reading; the choice of who
goes offline depends on a bus's place in the list alone, so that every start makes the same.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FILE = Path(__file__).with_name("austin-buses-2016-11-26.csv")
HOUR_MS = 3_600_000
DAY_STARTS_MS = 1_480_140_000_000
"""2016-11-26 06:00 UTC, midnight in Austin."""


@dataclass(frozen=True, slots=True)
class Report:
    """One position of one bus, as its receiver gave it."""

    vehicle_id: str
    time_ms: int
    latitude: float
    longitude: float
    speed_mps: float | None


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus and its network. `offline_ms` is the time (from, to) in which it has none; a `live` bus keeps
    a WebSocket open, the others come by HTTP now and then."""

    vehicle_id: str
    live: bool
    offline_ms: tuple[int, int] | None

    def is_offline(self, time_ms: int) -> bool:
        return self.offline_ms is not None and self.offline_ms[0] <= time_ms < self.offline_ms[1]


@dataclass(frozen=True, slots=True)
class Recording:
    """The day of some buses; the reports are in the order of their times."""

    buses: tuple[Bus, ...]
    reports: tuple[Report, ...]

    def parts(self, count: int) -> tuple[Recording, ...]:
        """The same in at most so many recordings, each bus in one of them."""
        groups = [self.buses[place::count] for place in range(min(count, len(self.buses)))]
        return tuple(map(self._of, groups))

    def _of(self, buses: tuple[Bus, ...]) -> Recording:
        names = frozenset(bus.vehicle_id for bus in buses)
        return Recording(buses, tuple(report for report in self.reports if report.vehicle_id in names))


def read_recording(limit: int | None = None) -> Recording:
    """Read the day of all buses, or of the first `limit` by name."""
    with FILE.open(newline="") as file:
        reports = [_report(row) for row in csv.DictReader(file)]
    names = sorted({report.vehicle_id for report in reports})[:limit]
    chosen = frozenset(names)
    return Recording(
        tuple(bus_of(name, place) for place, name in enumerate(names)),
        tuple(report for report in reports if report.vehicle_id in chosen),
    )


def bus_of(vehicle_id: str, place: int) -> Bus:
    """Every fifth bus is offline for three hours or more of the day, every fortieth is live."""
    offline = None
    if place % 5 == 1:
        starts = DAY_STARTS_MS + (6 + place % 7) * HOUR_MS
        offline = (starts, starts + (3 + place % 4) * HOUR_MS)
    return Bus(vehicle_id, live=place % 40 == 3, offline_ms=offline)


def _report(row: dict[str, str]) -> Report:
    return Report(
        vehicle_id=row["vehicle_id"],
        time_ms=round(datetime.fromisoformat(row["time"]).timestamp() * 1000),
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        speed_mps=float(row["speed_mps"]) if row["speed_mps"] else None,
    )
