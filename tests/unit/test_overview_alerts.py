"""What an admin is told to look at, and what not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from store.stats import SpaceStats
from webhost_sync.admin.models import Load
from webhost_sync.admin.overview import alerts
from webhost_sync.machine import memory_share

CALM = Load(
    response_ms_p95=500, error_percent=5, database_connections_percent=80, memory_percent=85,
    response_ms_series=[],
)  # fmt: skip
STATS = SpaceStats(
    documents=1, quarantined=0, log_rows=1, log_bytes=1, snapshot_bytes=0, vehicles=0, positions=0, behind=0,
    lag_seconds=0, failures=0, rejects=9,
)  # fmt: skip


def test_at_the_limits_nothing_is_said() -> None:
    assert alerts(None, 0, CALM, STATS) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("response_time", {"response_ms_p95": 501}),
        ("error_rate", {"error_percent": 5.1}),
        ("database_connections", {"database_connections_percent": 80.5}),
        ("memory", {"memory_percent": 86}),
    ],
)
def test_beyond_a_limit_it_is_named_with_the_number(name: str, change: dict[str, float]) -> None:
    [alert] = alerts(None, 0, CALM.model_copy(update=change), STATS)
    assert (alert.name, alert.severity) == (name, "warning")
    assert f"{next(iter(change.values())):.0f}" in alert.message


def test_a_few_answers_are_no_rate() -> None:
    slow = CALM.model_copy(update={"response_ms_p95": 900, "error_percent": 50})
    assert alerts(None, 0, slow, STATS, judges_answers=False) == []


def test_the_worst_comes_first() -> None:
    stats = replace(STATS, quarantined=2, failures=1, lag_seconds=31, behind=3)
    names = [alert.name for alert in alerts("no answer", 1, CALM, stats)]
    assert names == ["database", "commits", "projection_lag", "quarantine", "projection_failures"]


def test_memory_is_that_of_the_container_where_it_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 400\n")
    assert memory_share(tmp_path) == 0.5
    (tmp_path / "memory.max").write_text("max\n")
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 200 kB\nMemFree: 1 kB\nMemAvailable: 50 kB\n")
    assert memory_share(tmp_path, meminfo) == 0.75
    assert memory_share(tmp_path / "no", tmp_path / "no") is None


def test_memory_is_that_of_the_service_where_the_machine_limits_it(tmp_path: Path) -> None:
    own_group = tmp_path / "cgroup"
    own_group.write_text("1:name=systemd:/x\n0::/system.slice/webhost-sync.service\n")
    slice_ = tmp_path / "fs" / "system.slice"
    for folder, limit, used in ((slice_ / "webhost-sync.service", 1000, 950), (slice_, 2000, 1000)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text("inactive_file 50\n")
    assert memory_share(tmp_path / "fs", tmp_path / "no", own_group) == 0.9
    own_group.write_text("0::/elsewhere\n")
    assert memory_share(tmp_path / "fs", tmp_path / "no", own_group) is None
