"""PostGIS comes, goes and comes back: what `migrate` and `doctor` say, and that nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from store.migrate import turn_extensions_on, upgrade
from store.schema_version import head
from tests.cli.conftest import Run
from tests.postgis.conftest import OWNER, Site
from tests.postgis.fleets import NAMES
from tests.postgres import select

pytestmark = pytest.mark.xdist_group("postgis")

SUPERUSER_TYPES = "psql --dbname postgres --command 'CREATE EXTENSION postgis'"
ROWS = """
select 'gps_positions', ctid::text, xmin::text, md5(p::text) from gps_positions p
union all select 'latest_positions', ctid::text, xmin::text, md5(p::text) from latest_positions p
union all select 'geofences', ctid::text, xmin::text, md5(p::text) from geofences p
order by 1, 2
"""
VIEWS = (
    "select relname, oid::int from pg_class where relkind = 'v' and relname like '%\\_geo' order by relname"
)


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in asyncio.run(select(site.url, query))]


def readable(site: Site, role: str) -> list[str]:
    """The views that a role may read."""
    query = f"select relname from ({VIEWS}) v where has_table_privilege('{role}', oid::oid, 'select')"
    return [name for (name,) in rows(site, query)]


def postgis(run: Run, url: str) -> dict[str, str]:
    """What the doctor finds."""
    findings = run("doctor", "--json", DATABASE_URL=url).document["findings"]
    return next(each for each in findings if each["check"] == "extension postgis")


def test_a_login_that_may_not_turn_it_on_goes_on_and_is_told_what_to_type(run: Run, site: Site) -> None:
    site.without_postgis()
    outcome = run("migrate", "--json", DATABASE_URL=site.owner_url)
    assert outcome.code == 0
    assert outcome.document == {"before": head(), "after": head(), "postgis": None, "views": []}
    assert SUPERUSER_TYPES in outcome.err
    said = postgis(run, site.owner_url)
    assert (said["verdict"], "may not turn it on" in said["evidence"]) == ("ok", True)
    assert SUPERUSER_TYPES in said["remedy"]
    assert said["remedy"].endswith("webhost-sync migrate")


def test_what_is_not_turned_on_needs_one_command_which_rewrites_nothing(run: Run, site: Site) -> None:
    site.without_postgis()
    site.do(f"alter role {OWNER} superuser")
    try:
        assert postgis(run, site.owner_url)["remedy"] == "webhost-sync migrate"
        before = rows(site, ROWS)
        first = run("migrate", DATABASE_URL=site.owner_url)
    finally:
        site.do(f"alter role {OWNER} nosuperuser")
    assert (first.code, first.err) == (0, "")
    assert f"is in use, by the views {', '.join(NAMES)}" in first.out
    views = rows(site, VIEWS)
    assert [name for name, _ in views] == sorted(NAMES)

    again = run("migrate", "--json", DATABASE_URL=site.owner_url).document
    assert (again["postgis"].startswith("3."), again["views"]) == (True, [])
    assert (rows(site, ROWS), rows(site, VIEWS)) == (before, views)
    said = postgis(run, site.owner_url)
    assert ("is in use" in said["evidence"], said["remedy"]) == (True, "")


def test_views_that_are_missing_are_named_by_the_doctor_and_made_by_migrate(run: Run, site: Site) -> None:
    site.with_postgis()
    site.do("drop view geofences_geo")
    said = postgis(run, site.owner_url)
    assert ("without the views geofences_geo" in said["evidence"], said["remedy"]) == (
        True,
        "webhost-sync migrate",
    )
    assert run("migrate", "--json", DATABASE_URL=site.owner_url).document["views"] == ["geofences_geo"]


def test_a_view_follows_the_columns_of_its_table(site: Site) -> None:
    site.with_postgis()
    site.do("alter table latest_positions add column fuel double precision default 0.5")
    try:
        assert turn_extensions_on(site.owner_url).made == ("latest_positions_geo",)
        assert rows(site, "select distinct fuel from latest_positions_geo") == [(0.5,)]
    finally:
        site.do("drop view latest_positions_geo", "alter table latest_positions drop column fuel")


def test_an_upgrade_makes_the_views_anew_for_all_who_may_read_the_tables(site: Site) -> None:
    site.with_postgis()
    before = dict(rows(site, VIEWS))
    site.do(
        "create role reader nologin",
        "grant select on geofences to reader",
        "drop index geofence_events_fence",
        "update alembic_version set version_num = '0018'",
    )
    try:
        assert upgrade(site.owner_url).made == NAMES
        after = dict(rows(site, VIEWS))
        assert before.keys() == after.keys()
        assert not set(before.values()) & set(after.values())
        assert readable(site, "reader") == ["geofences_geo"]
        assert readable(site, "webhost_app") == sorted(NAMES)
        assert readable(site, "webhost_committer") == []
    finally:
        site.do("drop owned by reader", "drop role reader")


def test_an_upgrade_goes_on_where_somebody_s_own_view_is_made_of_ours(site: Site) -> None:
    site.with_postgis()
    before = dict(rows(site, VIEWS))
    site.do(
        "create view near as select vehicle_id, geog from latest_positions_geo",
        "drop index geofence_events_fence",
        "update alembic_version set version_num = '0018'",
    )
    try:
        assert upgrade(site.owner_url).made == ("gps_positions_geo", "geofences_geo")
        assert dict(rows(site, VIEWS))["latest_positions_geo"] == before["latest_positions_geo"]
        assert len(rows(site, "select * from near")) == 4
    finally:
        site.do("drop view near")


def test_what_somebody_else_made_under_the_name_of_a_view_is_left_alone_and_said(site: Site) -> None:
    site.with_postgis()
    site.do("drop view geofences_geo", "create view geofences_geo as select 'mine' as owner")
    try:
        assert '"geofences_geo" already exists' in turn_extensions_on(site.owner_url).hindrance
        assert rows(site, "select owner from geofences_geo") == [("mine",)]
    finally:
        site.do("drop view geofences_geo")


def test_a_database_that_lost_it_goes_on_and_takes_it_back_in_any_schema(run: Run, site: Site) -> None:
    site.with_postgis()
    before = rows(site, ROWS)
    site.without_postgis()
    assert run("migrate", DATABASE_URL=site.owner_url).code == 0
    site.do("create schema places", "create extension postgis schema places")
    assert "permission denied for schema places" in turn_extensions_on(site.owner_url).hindrance
    site.do("grant usage on schema places to public")
    assert turn_extensions_on(site.owner_url).made == NAMES
    [point] = rows(site, "select places.st_astext(geog) from gps_positions_geo where vehicle_id = 'boat'")
    assert point == ("POINT(179.99 -16.8)",)
    assert rows(site, ROWS) == before
    site.without_postgis()
