"""The recorded day is whole, and is cut into parts without losing or doubling a report."""

from __future__ import annotations

from examples.fleet_demo.recording import Recording, read_recording


def test_the_day_has_every_bus_and_every_report() -> None:
    recording = read_recording()
    assert (len(recording.buses), len(recording.reports)) == (183, 33_140)
    assert list(recording.reports) == sorted(recording.reports, key=lambda report: report.time_ms)


def test_some_buses_lose_their_network_and_some_are_live() -> None:
    buses = read_recording().buses
    assert sum(bus.offline_ms is not None for bus in buses) == 37
    assert sum(bus.live for bus in buses) == 5


def test_who_loses_the_network_does_not_depend_on_how_many_play() -> None:
    assert read_recording(limit=20).buses == read_recording().buses[:20]


def test_parts_hold_each_report_once_and_in_order() -> None:
    recording = read_recording(limit=10)
    parts = recording.parts(3)
    assert sorted(bus.vehicle_id for part in parts for bus in part.buses) == [
        bus.vehicle_id for bus in recording.buses
    ]
    assert sum(len(part.reports) for part in parts) == len(recording.reports)
    assert all(_in_order(part) for part in parts)


def test_there_are_no_more_parts_than_buses() -> None:
    assert len(read_recording(limit=2).parts(4)) == 2


def _in_order(recording: Recording) -> bool:
    times = [report.time_ms for report in recording.reports]
    return times == sorted(times)
