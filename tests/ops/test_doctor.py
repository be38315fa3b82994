"""The doctor over a database in which things were really broken: the right verdict, and what to type."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from store.database import Database
from store.maintenance import MaintenanceSwitch
from tests.cli.conftest import Outcome, Run
from tests.cli.test_history import make_history
from tests.postgres import database_at
from tests.store.logins import login
from tests.store.logs import execute
from tests.valkey import running_valkey

SECRET = "a-secret-that-nobody-may-read-anywhere"
Findings = Mapping[str, Mapping[str, str]]


def findings(outcome: Outcome) -> Findings:
    return {each["check"]: each for each in json.loads(outcome.out)["findings"]}


def examined(run: Run, *options: str, **environment: str) -> Findings:
    return findings(run("doctor", "--json", *options, **environment))


def do(url: str, *statements: str) -> None:
    for statement in statements:
        asyncio.run(execute(url, statement))


def test_a_sound_installation_has_nothing_failed_and_an_exit_code_of_0(
    run_migrated: Run, database_url: str
) -> None:
    asyncio.run(make_history(database_url))
    outcome = run_migrated("doctor", "--json")
    found = findings(outcome)
    assert outcome.code == 0
    assert {name for name, each in found.items() if each["verdict"] == "failed"} == set()
    assert (
        found["schema"]["verdict"] == found["tenants apart"]["verdict"] == found["indexes"]["verdict"] == "ok"
    )
    assert "not used" in found["extension timescaledb"]["evidence"]
    assert "not on this server, nor needed" in found["extension postgis"]["evidence"]
    assert found["redis"]["verdict"] == "not applicable"


def test_the_table_is_for_people_and_each_remedy_stands_below_its_evidence(run_migrated: Run) -> None:
    outcome = run_migrated("doctor", LOG_LEVEL="error")
    lines = outcome.out.splitlines()
    [place] = [place for place, line in enumerate(lines) if line.startswith("logs ")]
    assert "warning" in lines[place]
    assert lines[place + 1].strip() == "→ LOG_LEVEL=info"
    assert "0 failed" in outcome.err
    assert run_migrated("doctor", "--strict", LOG_LEVEL="error").code == 1


@pytest.mark.parametrize(
    ("url", "evidence", "remedy"),
    [
        (f"postgresql://me:{SECRET}@127.0.0.1:1/fleet", "127.0.0.1:1/fleet (refused)", "start Postgres"),
        (f"postgresql://me:{SECRET}@no-such-host.invalid/fleet", "(unknown host)", "correct the host"),
        (f"mysql://me:{SECRET}@127.0.0.1/fleet", "must begin with postgresql://", "DATABASE_URL=postgresql"),
    ],
)
def test_a_database_that_is_not_reached_is_named(run: Run, url: str, evidence: str, remedy: str) -> None:
    outcome = run("doctor", "--json", DATABASE_URL=url)
    found = findings(outcome)["database"]
    assert (outcome.code, found["verdict"]) == (1, "failed")
    assert evidence in found["evidence"]
    assert remedy in found["remedy"]
    assert SECRET not in outcome.out + outcome.err


def test_an_unknown_database_and_login_are_told_apart(run: Run, postgres_url: str) -> None:
    unknown = examined(run, DATABASE_URL=database_at(postgres_url, "nowhere"))["database"]
    assert "(unknown database)" in unknown["evidence"]
    assert "createdb" in unknown["remedy"]
    stranger = postgres_url.replace("://postgres", "://stranger", 1)
    unknown = examined(run, DATABASE_URL=stranger)["database"]
    assert "(unknown login)" in unknown["evidence"]
    assert "createuser" in unknown["remedy"]


def test_a_schema_that_is_missing_old_or_too_new_is_told_apart(
    run: Run, empty_database_url: str, database_url: str
) -> None:
    missing = examined(run, DATABASE_URL=empty_database_url)["schema"]
    assert (missing["verdict"], missing["remedy"]) == ("failed", "webhost-sync migrate")
    do(database_url, "update alembic_version set version_num = '0001'")
    old = examined(run, DATABASE_URL=database_url)["schema"]
    assert ("0001;" in old["evidence"], old["remedy"]) == (True, "webhost-sync migrate")
    do(database_url, "update alembic_version set version_num = '9999'")
    assert "newer than this program's" in examined(run, DATABASE_URL=database_url)["schema"]["evidence"]
    do(database_url, "comment on table alembic_version is 'oldest program: 9999'")
    assert "update the program" in examined(run, DATABASE_URL=database_url)["schema"]["remedy"]


def test_policies_that_are_gone_are_found(run_migrated: Run, database_url: str) -> None:
    do(database_url, "alter table vehicles disable row level security")
    open_table = examined(run_migrated)["tenants apart"]
    assert open_table["verdict"] == "failed"
    assert open_table["remedy"] == "alter table vehicles enable row level security"
    do(
        database_url,
        "alter table vehicles enable row level security",
        "create policy all_of_it on documents for select to webhost_app using (true)",
        "drop policy one_tenant on documents",
    )
    assert "without a tenant" in examined(run_migrated)["tenants apart"]["evidence"]


def test_a_missing_index_is_found_by_name(run_migrated: Run, database_url: str) -> None:
    do(database_url, "drop index gps_positions_vehicle_time")
    found = examined(run_migrated)["indexes"]
    assert (found["verdict"], "gps_positions_vehicle_time" in found["evidence"]) == ("failed", True)


def test_a_projector_that_is_not_running_values_left_out_and_quarantine_are_found(
    run_migrated: Run, database_url: str
) -> None:
    asyncio.run(make_history(database_url))
    do(
        database_url,
        "update documents set updated_at = now() - interval '10 minutes'",
        "delete from projection_checkpoints",
        "insert into projection_rejects (tenant_id, document_id, path, reason, value, seq)"
        " select tenant_id, id, 'rows/bus-7/latitude', 'not a number', 'north', 1 from documents limit 1",
    )
    found = examined(run_migrated)
    assert (found["projector"]["verdict"], "webhost-sync project" in found["projector"]["remedy"]) == (
        "failed",
        True,
    )
    assert found["values left out"]["evidence"] == "rows/*/latitude (1): not a number"
    do(database_url, "update documents set state = 'quarantined', reason = 'update 4 is damaged'")
    quarantine = examined(run_migrated)["quarantine"]
    assert "update 4 is damaged" in quarantine["evidence"]
    assert quarantine["remedy"] == "webhost-sync document diagnose tables/vehicles --tenant acme"


def test_a_pool_that_postgres_can_not_serve_is_found(run_migrated: Run) -> None:
    found = examined(run_migrated, POOL_SIZE="5000")["connections"]
    assert (found["verdict"], found["remedy"].startswith("POOL_SIZE=")) == ("failed", True)


def test_maintenance_is_mentioned(run_migrated: Run, database_url: str) -> None:
    async def begin() -> None:
        async with Database(database_url) as database:
            await MaintenanceSwitch(database).begin(reason="moving", retry_after=60, by="test")

    asyncio.run(begin())
    found = examined(run_migrated)["maintenance"]
    assert (found["verdict"], found["remedy"]) == ("warning", "webhost-sync maintenance off")


def test_the_last_backup_is_judged_where_backups_are_recorded(run_migrated: Run, database_url: str) -> None:
    assert "none was ever finished" in examined(run_migrated)["last backup"]["evidence"]
    add = "insert into backup_runs (target, started_at, kind, outcome, finished_at, error) values "
    do(database_url, f"{add} ('', now(), 'full', 'done', now() - interval '3 days', '')")
    assert examined(run_migrated)["last backup"]["verdict"] == "warning"
    do(database_url, f"{add} ('', now(), 'full', 'done', now(), '')")
    assert examined(run_migrated)["last backup"]["evidence"] == "0.0 days ago, not proved yet"
    do(
        database_url,
        f"{add} ('', now(), 'full', 'failed', now() + interval '1 second', 'no space left on device')",
    )
    found = examined(run_migrated)["last backup"]
    assert (found["verdict"], "no space left" in found["evidence"]) == ("failed", True)


async def test_a_login_that_may_not_look_is_told_which_one_may(run: Run, database_url: str) -> None:
    async with login(database_url, "noinherit") as url:
        outcome = await asyncio.to_thread(run, "doctor", "--json", DATABASE_URL=url)
    found = findings(outcome)["database"]
    assert found["verdict"] == "not applicable"
    assert "MIGRATION_DATABASE_URL" in found["evidence"]


def test_without_a_database_url_an_embedded_one_is_not_started(run: Run) -> None:
    found = examined(run)["database"]
    assert (found["verdict"], "`webhost-sync dev`" in found["evidence"]) == ("not applicable", True)


async def test_a_redis_that_answers_is_named(run: Run) -> None:
    async with running_valkey() as valkey:
        outcome = await asyncio.to_thread(run, "doctor", "--json", REDIS_URL=valkey.url)
    assert findings(outcome)["redis"]["evidence"].startswith("Valkey ")


def test_a_redis_that_is_away_is_a_warning_since_all_goes_on(run: Run) -> None:
    found = examined(run, REDIS_URL=f"redis://:{SECRET}@127.0.0.1:1/0")["redis"]
    assert (found["verdict"], "REDIS_URL" in found["remedy"]) == ("warning", True)
    assert "meanwhile Postgres carries changes" in found["evidence"]
    assert SECRET not in str(found)


def test_what_production_lacks_is_named_one_by_one(run: Run) -> None:
    outcome = run("doctor", "--deploy", "--json")
    found = findings(outcome)
    assert outcome.code == 1
    failed = {name for name, each in found.items() if each["verdict"] == "failed"}
    assert failed == {"ENVIRONMENT", "DATABASE_URL", "TOKEN_SIGNING_SECRET", "SECRET_KEY_BASE"}
    assert found["TOKEN_SIGNING_SECRET"]["remedy"] == "TOKEN_SIGNING_SECRET=$(openssl rand -hex 32)"


def test_settings_that_are_fit_for_production_pass_and_weak_ones_are_found_without_being_shown(
    run: Run,
) -> None:
    sound = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": f"postgresql://server:{SECRET}@db.example/fleet?sslmode=verify-full",
        "TOKEN_SIGNING_SECRET": "5f1d0c7e9a3b4286" * 4,
        "SECRET_KEY_BASE": "e07b62c49d15f38a" * 4,
        "PUBLIC_URL": "https://sync.example",
        "ALLOWED_ORIGINS": "https://app.example",
        "LOG_FORMAT": "json",
    }
    outcome = run("doctor", "--deploy", "--strict", "--json", **sound)
    assert (outcome.code, json.loads(outcome.out)["verdict"]) == (0, "ok")
    weak = {
        "TOKEN_SIGNING_SECRET": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "SECRET_KEY_BASE": "short",
        "PUBLIC_URL": "http://sync.example",
        "ALLOWED_ORIGINS": "",
        "FORWARDED_ALLOW_IPS": "*",
        "DATABASE_URL": f"postgresql://server:{SECRET}@db.example/fleet",
        "LOG_LEVEL": "debug",
    }
    outcome = run("doctor", "--deploy", "--json", **sound | weak)
    wrong = {name for name, each in findings(outcome).items() if each["verdict"] in ("failed", "warning")}
    assert wrong == {*weak, "logs"} - {"LOG_LEVEL"}
    for secret in (SECRET, "aaaaaaaa", "5f1d0c7e"):
        assert secret not in outcome.out + outcome.err
