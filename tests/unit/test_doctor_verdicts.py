"""The doctor's verdicts over what a test can't make for real: a full disk, a wrong clock, a busy server."""

from __future__ import annotations

import pytest

from store.checkup import Activity, Extension, NamedDocument, Projection, Server
from webhost_sync.config import Settings
from webhost_sync.ops.doctor import database, machine
from webhost_sync.ops.doctor.report import Finding, Verdict, not_applicable, ok, warning, worst

GIGABYTE = machine.GIGABYTE
SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]


def server(*, connections: int = 5, offset: float = 0.0, round_trip: float = 0.002) -> Server:
    return Server("17.5", "postgres", "webhost", True, connections, 100, offset, round_trip)


@pytest.mark.parametrize(
    ("free", "total", "verdict"),
    [
        (50 * GIGABYTE, 100 * GIGABYTE, Verdict.OK),
        (9 * GIGABYTE, 100 * GIGABYTE, Verdict.WARNING),
        (GIGABYTE // 4, 100 * GIGABYTE, Verdict.FAILED),
        (0, GIGABYTE, Verdict.FAILED),
    ],
)
def test_a_disk_is_judged_by_share_and_by_what_is_left(free: int, total: int, verdict: Verdict) -> None:
    found = machine.disk("DATA_DIR", free, total)
    assert found.verdict is verdict
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_memory_is_judged_where_it_is_known() -> None:
    assert machine.memory(None).verdict is Verdict.NOT_APPLICABLE
    assert machine.memory(0.5).verdict is Verdict.OK
    assert machine.memory(0.9).verdict is Verdict.WARNING


def test_clocks_that_are_apart_are_told_and_a_slow_answer_is_no_clock() -> None:
    assert database.clock(server(offset=-30)).verdict is Verdict.WARNING
    assert database.clock(server(offset=3, round_trip=4)).verdict is Verdict.OK


def test_connections_that_run_out_are_told_before_they_are_gone() -> None:
    assert database.connections(server(), SETTINGS).verdict is Verdict.OK
    assert database.connections(server(connections=90), SETTINGS).verdict is Verdict.WARNING


def test_what_holds_up_the_others_is_told_with_the_query_that_finds_it() -> None:
    assert database.activity(Activity(1.0, 1.0, 0), SETTINGS).verdict is Verdict.OK
    assert "pg_terminate_backend" in database.activity(Activity(0.0, 300.0, 2), SETTINGS).remedy
    assert "STATEMENT_TIMEOUT" in database.activity(Activity(300.0, 0.0, 0), SETTINGS).evidence


def test_a_projector_that_is_late_dead_or_failing_is_told_apart() -> None:
    assert database.projection(Projection(0, 0.0, 0)).verdict is Verdict.OK
    assert database.projection(Projection(3, 5.0, 0)).verdict is Verdict.OK
    assert database.projection(Projection(3, 60.0, 0)).verdict is Verdict.WARNING
    assert database.projection(Projection(3, 600.0, 0)).verdict is Verdict.FAILED
    assert "rebuild" in database.projection(Projection(1, 1.0, 1)).remedy


def test_extensions_are_said_to_be_there_and_are_never_demanded() -> None:
    timescale, postgis = database.extensions([Extension("timescaledb", "2.20", "2.20")], "webhost")
    assert timescale.evidence.startswith("2.20 is in this database, and not used: ")
    assert "row-level security" in timescale.evidence
    assert (timescale.verdict, postgis.verdict) == (Verdict.OK, Verdict.OK)
    assert "not on this server, nor needed" in postgis.evidence


@pytest.mark.parametrize(
    ("found", "evidence", "remedy"),
    [
        (Extension("postgis", "3.6", "3.6"), "3.6 is in use", ""),
        (Extension("postgis", "3.6", "3.6", missing=("geofences_geo",)), "geofences_geo", database.MIGRATE),
        (Extension("postgis", None, "3.6"), "not turned on", database.MIGRATE),
        (Extension("postgis", None, "3.6", may_turn_on=False), "may not", "psql --dbname webhost --command "),
    ],
)
def test_what_may_be_done_about_postgis_is_said_with_what_to_type(
    found: Extension, evidence: str, remedy: str
) -> None:
    [_, said] = database.extensions([found], "webhost")
    assert said.verdict is Verdict.OK
    assert evidence in said.evidence
    assert remedy in said.remedy
    assert bool(said.remedy) is bool(remedy)


def test_documents_near_their_limit_are_named_with_how_near_they_are() -> None:
    found = database.size_of_documents([NamedDocument("acme", "notes", "live", 90)], 100)
    assert (found.verdict, "acme: notes (90%)" in found.evidence) == (Verdict.WARNING, True)


def test_the_gravest_verdict_counts() -> None:
    fine: list[Finding] = [ok("a", ""), not_applicable("b", "")]
    assert worst([]) is Verdict.OK
    assert worst(fine) is Verdict.OK
    assert worst([*fine, warning("c", "", "do it")]) is Verdict.WARNING
