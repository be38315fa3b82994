"""Maintenance mode by command."""

from __future__ import annotations

from tests.cli.conftest import Run


def test_maintenance_is_switched_on_and_off_and_tells_who_when_and_why(run_migrated: Run) -> None:
    assert run_migrated("maintenance", "status").out == "Maintenance is off\n"
    begun = run_migrated("maintenance", "on", "--reason", "moving", "--retry-after", "5m")
    assert begun.out == "Maintenance is on: moving\n"
    assert "within 2 s" in begun.err
    assert "webhost-sync maintenance off" in begun.err
    found = run_migrated("maintenance", "status", "--json").document
    assert (found["on"], found["reason"], found["retry_after"]) == (True, "moving", 300)
    assert found["begun_by"].startswith("cli:")
    again = run_migrated("maintenance", "on", "--reason", "still moving", "--json").document
    assert (again["since"], again["reason"]) == (found["since"], "still moving")
    assert run_migrated("maintenance", "off").out.startswith("Maintenance is off; it was on since 20")
    assert run_migrated("maintenance", "off").out == "Maintenance was off already\n"
    assert run_migrated("maintenance", "status", "--json").document == {"on": False}


def test_a_time_that_is_none_is_refused(run_migrated: Run) -> None:
    refused = run_migrated("maintenance", "on", "--retry-after", "soon")
    assert (refused.code, "is no duration" in refused.err) == (2, True)
