"""What the demo shows: progress bars and a table that lives on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.fleet_demo.replay import Fleet
from examples.fleet_demo.rows import Latest, Rows

PLAIN_INTERVAL = 5.0
"""Seconds between two lines where the output is no terminal."""


class Screen:
    """Shows how far the positions have come: recorded on devices, synced to the server, projected to rows."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {
            name: self._progress.add_task(name, total=total) for name in ("recorded", "synced", "projected")
        }
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._next_line = 0.0
        self._last_line = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Live on a terminal for the length of the block."""
        if self._console.is_terminal:
            with self._live:
                yield
        else:
            yield

    def update(self, fleet: Fleet, rows: Rows | None) -> None:
        """Show these numbers; without `rows` the database doesn't answer at the moment."""
        counts = {"recorded": fleet.recorded, "synced": fleet.durable}
        if rows is not None:
            counts["projected"] = rows.positions
        for name, count in counts.items():
            self._progress.update(self._tasks[name], completed=count)
        if self._console.is_terminal:
            self._live.update(Group(self._progress, _state(fleet, rows), _table(rows.latest if rows else ())))
            return
        numbers = ", ".join(f"{count} {name}" for name, count in counts.items())
        line = f"{numbers}; {_state(fleet, rows)}"
        if line != self._last_line and time.monotonic() >= self._next_line:
            self._last_line, self._next_line = line, time.monotonic() + PLAIN_INTERVAL
            self._console.print(line)


def _state(fleet: Fleet, rows: Rows | None) -> str:
    trouble = f"; {fleet.trouble}" if fleet.trouble else ""
    database = f"{rows.vehicles} rows in vehicles" if rows else "the database doesn't answer"
    return f"{_stage(fleet)}; {fleet.offline} buses offline; {database}{trouble}"


def _stage(fleet: Fleet) -> str:
    if fleet.recorded == fleet.total:
        return "the day is over"
    if not fleet.time_ms:
        return "opening the devices"
    return f"it is {datetime.fromtimestamp(fleet.time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _table(latest: tuple[Latest, ...]) -> Table:
    table = Table("bus", "latest position (UTC)", "latitude", "longitude", "km/h", "status", box=None)
    for row in latest:
        speed = "" if row.speed_mps is None else f"{row.speed_mps * 3.6:.0f}"
        table.add_row(
            row.name or row.vehicle_id,
            f"{row.time:%Y-%m-%d %H:%M:%S}",
            f"{row.latitude:.5f}",
            f"{row.longitude:.5f}",
            speed,
            row.status or "",
        )
    return table
