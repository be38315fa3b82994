"""`webhost-sync check` over data that was really broken: found, and repaired where that is safe."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.test_history import NAME, make_history
from tests.store.logs import execute, open_log
from webhost_sync.sync.compactor import compact

ROT = "set_byte(payload, 3, 255)"


async def make_sound(url: str) -> None:
    """A document with its history, and snapshots at 2 and 4."""
    await make_history(url)
    async with open_log(url) as store:
        [[tenant_id]] = await execute(url, "select tenant_id from documents")
        record = await store.document(NAME, tenant_id)
        stored = await store.log.load(tenant_id, record.id)
        await compact(store.log, record, keep_since=None)
        assert len(stored.updates) == 4


@pytest.fixture
def acme(run_migrated: Run, database_url: str) -> Run:
    asyncio.run(make_sound(database_url))
    assert run_migrated("rebuild").code == 0
    return run_migrated


def found(run: Run, *options: str) -> list[dict[str, Any]]:
    problems: list[dict[str, Any]] = run("check", "--json", *options).document["problems"]
    return problems


def do(url: str, *statements: str) -> list[Any]:
    rows: list[Any] = []
    for statement in statements:
        rows = list(asyncio.run(execute(url, statement)))
    return rows


def test_what_is_whole_is_said_to_be(acme: Run) -> None:
    outcome = acme("check")
    assert (outcome.code, outcome.out) == (0, "Everything that is stored is whole\n")
    assert acme("check", "--repair").code == 0


def test_a_rotten_row_is_found_though_a_snapshot_hides_it_and_its_document_becomes_read_only(
    acme: Run, database_url: str
) -> None:
    do(database_url, f"update document_updates set payload = {ROT} where seq = 2")
    [problem] = found(acme)
    assert (problem["kind"], problem["document"], problem["open"]) == ("log", NAME, True)
    assert problem["what"] == "update 2: the checksum is wrong"
    assert do(database_url, "select state from documents") == [("active",)]
    outcome = acme("check", "--repair")
    assert outcome.code == 1, "a person has to release it"
    assert "webhost-sync document release tables/vehicles --tenant acme" in outcome.out
    assert do(database_url, "select state from documents") == [("quarantined",)]
    assert do(database_url, "select seq from quarantined_updates") == [(2,)]


def test_a_missing_row_is_found(acme: Run, database_url: str) -> None:
    do(database_url, "delete from document_updates where seq = 3")
    assert [problem["what"] for problem in found(acme)] == ["update 3: the row is missing"]


def test_a_bad_snapshot_that_the_log_covers_is_put_aside_and_nothing_else_is(
    acme: Run, database_url: str
) -> None:
    do(database_url, "update document_snapshots set state = set_byte(state, 3, 255)")
    [problem] = found(acme)
    assert (problem["kind"], problem["remedy"]) == ("snapshot", "webhost-sync check --repair")
    outcome = acme("check", "--repair")
    assert (outcome.code, "put aside; the log does without it" in outcome.out) == (0, True)
    assert do(database_url, "select count(*) from document_snapshots") == [(0,)]
    assert do(database_url, "select released_by from quarantined_snapshots") == [("check",)]
    assert do(database_url, "select snapshot_seq, state from documents") == [(0, "active")]
    assert acme("check").code == 0
    assert acme("document", "diagnose", NAME, "--tenant", "acme", "--json").document["damages"] == []


def test_a_bad_snapshot_that_nothing_covers_is_left_to_a_person(acme: Run, database_url: str) -> None:
    do(
        database_url,
        "update document_snapshots set state = set_byte(state, 3, 255)",
        "delete from document_updates where seq <= 2",
    )
    assert {problem["kind"] for problem in found(acme, "--repair")} == {"snapshot"}
    assert do(database_url, "select count(*) from document_snapshots") == [(1,)]
    assert do(database_url, "select state from documents") == [("quarantined",)]


def test_a_snapshot_that_says_something_else_than_the_log_is_found_by_rebuilding(
    acme: Run, database_url: str
) -> None:
    async def swap() -> None:
        async with open_log(database_url) as store:
            [[tenant_id]] = await execute(database_url, "select tenant_id from documents")
            record = await store.document(NAME, tenant_id)
            first = (await store.log.read(tenant_id, record.id, after_seq=0))[0].payload
            await execute(database_url, "delete from document_snapshots")
            await store.log.write_snapshot(
                tenant_id, record.id, seq=4, state=first, state_vector=b"\x00", epoch=record.epoch
            )

    asyncio.run(swap())
    [problem] = found(acme)
    assert problem["what"] == "snapshot 4: it isn't what the log says"
    assert acme("check", "--repair").code == 0
    assert acme("check").code == 0


def test_rows_that_are_not_what_the_documents_say_are_found_and_made_anew(
    acme: Run, database_url: str
) -> None:
    do(database_url, "update vehicles set status = 'stolen'")
    [problem] = found(acme)
    assert (problem["kind"], problem["document"]) == ("rows", NAME)
    assert problem["what"] == "vehicles: 1 rows; wanted: other values"
    assert do(database_url, "select status from vehicles") == [("stolen",)], "looking changes nothing"
    [repaired] = found(acme, "--repair")
    assert (repaired["done"], repaired["open"]) == ("made anew from the documents", False)
    assert do(database_url, "select status from vehicles") == [("in repair",)]


def test_documents_that_the_projector_has_not_reached_are_not_wrong(acme: Run, database_url: str) -> None:
    do(database_url, "delete from vehicles", "delete from projection_checkpoints")
    assert found(acme) == []


def test_orphans_are_found_and_those_of_documents_are_never_deleted(acme: Run, database_url: str) -> None:
    do(
        database_url,
        "insert into document_versions (tenant_id, document_id, seq, kind, at, state, checksum)"
        " select tenant_id, 999, 1, 'named', now(), '', 0 from documents",
        "insert into projection_rejects (tenant_id, document_id, path, reason, value, seq)"
        " select tenant_id, 999, '/a', '', '', 1 from documents",
    )
    by_table = {problem["what"].partition(":")[0]: problem for problem in found(acme)}
    assert set(by_table) >= {"document_versions", "projection_rejects"}
    assert "before you delete any" in by_table["document_versions"]["remedy"]
    acme("check", "--repair")
    assert do(database_url, "select count(*) from document_versions") == [(1,)]
    assert do(database_url, "select count(*) from projection_rejects where document_id = 999") == [(0,)]


def test_an_unknown_tenant_is_said_to_be_so(acme: Run) -> None:
    refused = acme("check", "--tenant", "nobody")
    assert (refused.code, "there is no tenant 'nobody'" in refused.err) == (1, True)
