"""Tracks, trips and files of positions over HTTP, of the recorded day of a bus and of odd fixes."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import insert, text

from examples.fleet_demo.recording import read_recording
from store import track_readings
from store.contract import Tenant
from store.readings import PositionRecord
from store.schema import gps_positions
from tests.server.api import NOON, Api, error_of, position, running_api
from webhost_sync.fleet.exports import GpxFile

DAY = "from=2016-11-26T06:00:00Z&to=2016-11-27T06:00:00Z"
AROUND_NOON = "from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z"
GPX = "{http://www.topografix.com/GPX/1/1}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


async def add(api: Api, tenant: Tenant, *rows: dict[str, Any]) -> None:
    """Fixes as the projector would write them; what isn't said is as in `position`."""
    made = [{**position(tenant, "bus-7", number, number), "seq": 1, "flags": 0, **row}
            for number, row in enumerate(rows)]  # fmt: skip
    async with api.app.services.database.owner() as connection:
        for month in {row["time"].replace(day=1, hour=0) for row in made}:
            await connection.execute(text("select public.ensure_positions_month(:month)"), {"month": month})
        for row in made:
            await connection.execute(insert(gps_positions).values(row))


async def add_recorded(api: Api, tenant: Tenant, vehicle_id: str) -> int:
    """The day of one bus; how many fixes it has."""
    reports = [report for report in read_recording().reports if report.vehicle_id == vehicle_id]
    rows = [
        {
            "vehicle_id": vehicle_id,
            "time": datetime.fromisoformat("1970-01-01T00:00:00Z") + timedelta(milliseconds=report.time_ms),
            "latitude": report.latitude,
            "longitude": report.longitude,
            "speed_mps": report.speed_mps,
        }
        for report in reports
    ]
    await add(api, tenant, *rows)
    return len(rows)


async def test_the_day_of_a_bus_is_its_trips_and_a_line(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        count = await add_recorded(api, key.tenant, "bus-5017")
        trips = (await api.get(f"/api/vehicles/bus-5017/trips?{DAY}", key.text)).json()
        assert (trips["fixes"], trips["doubtful"], trips["sampled_every_s"]) == (count, 0, None)
        assert (trips["from"], trips["to"]) == ("2016-11-26T06:00:00Z", "2016-11-27T06:00:00Z")
        items = trips["items"]
        assert [item["kind"] for item in items[:4]] == ["trip", "stop", "gap", "trip"]
        assert all(before["end"] == after["start"] for before, after in pairwise(items))
        way = sum(item["distance_m"] for item in items if item["kind"] == "trip")
        assert trips["total"]["distance_m"] == pytest.approx(way, abs=5)
        assert 250_000 < way < 350_000
        assert sum(day["distance_m"] for day in trips["days"]) == pytest.approx(way, abs=5)

        track = (await api.get(f"/api/vehicles/bus-5017/track?{DAY}&limit=60", key.text)).json()
        assert (track["fixes"], len(track["points"])) == (count, 60)
        assert track["points"][0]["time"] == items[0]["start"]
        assert track["points"][-1]["time"] == items[-1]["end"]
        assert track["error_m"] > 1
        whole = (await api.get(f"/api/vehicles/bus-5017/track?{DAY}", key.text)).json()
        assert whole["error_m"] <= 1 < len(whole["points"])


async def test_doubtful_fixes_are_counted_and_left_out(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await add(api, key.tenant, {}, {"latitude": 0.0, "longitude": 0.0, "flags": 4}, {"flags": 2}, {})
        track = (await api.get(f"/api/vehicles/bus-7/track?{AROUND_NOON}", key.text)).json()
        assert (track["fixes"], track["doubtful"], len(track["points"])) == (4, 2, 2)


async def test_of_too_many_fixes_an_even_part_is_looked_at(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real limit would need fifty thousand rows and more.
    monkeypatch.setattr("webhost_sync.fleet.vehicle_tracks.MAX_FIXES", 1440)
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_positions(key.tenant, "bus-7", *range(1500))
        async with api.app.services.database.owner() as connection:
            flags = "update gps_positions set flags = case when sequence % 60 = 0 then 4 else 0 end"
            await connection.execute(text(flags))
        track = (await api.get(f"/api/vehicles/bus-7/track?{AROUND_NOON}", key.text)).json()
        assert (track["fixes"], track["doubtful"], track["sampled_every_s"]) == (1500, 25, 60)
        assert track["points"][0]["time"] == "2026-05-01T12:00:01Z"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:01Z", "31 days"),
        ("from=2026-05-01T00:00:00Z&to=2026-05-01T00:00:00Z", "'to'"),
        ("from=yesterday", "'from'"),
        ("limit=1", "'limit'"),
        ("limit=5001", "'limit'"),
    ],
)
async def test_a_bad_range_is_named(database_url: str, query: str, named: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        answer = await api.get(f"/api/vehicles/bus-7/track?{query}", key.text)
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")
        assert named in answer.json()["error"]["message"]


async def test_a_forbidden_vehicle_s_ways_look_like_an_unknown_one_s(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        wide, narrow = await api.app.key(tenant), await api.app.key(tenant, documents=["track/car/*"])
        await api.add_positions(tenant, "bus-7", 1)
        for what in ("track", "trips", "export"):
            unknown = await api.get(f"/api/vehicles/none/{what}", wide.text)
            forbidden = await api.get(f"/api/vehicles/bus-7/{what}", narrow.text)
            assert unknown.status_code == forbidden.status_code == 404
            assert unknown.text.replace("none", "bus-7") == forbidden.text
        known = await api.get("/api/vehicles/bus-7/trips", wide.text)
        assert (known.status_code, known.json()["items"]) == (200, [])


async def test_the_csv_can_be_opened_in_a_spreadsheet_without_running_anything(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        odd = {"vehicle_id": "=1+1", "device_id": '@a,"b"', "attributes": {"ignition": True, "ü": '"'}}
        await add(api, key.tenant, {"flags": 6, "valid": False}, {**odd, "longitude": -21.5})
        answer = await api.get(f"/api/positions/export?{AROUND_NOON}", key.text)
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert (
            'filename="positions_20260501T0000Z_20260502T0000Z.csv"' in answer.headers["Content-Disposition"]
        )
        evil, plain = csv.DictReader(io.StringIO(answer.content.decode(), newline=""))
        assert (evil["vehicle_id"], evil["device_id"]) == ("'=1+1", '\'@a,"b"')
        assert (evil["longitude"], json.loads(evil["attributes"])) == ("-21.5", odd["attributes"])
        assert (plain["vehicle_id"], plain["time"]) == ("bus-7", "2026-05-01T12:00:00Z")
        assert (plain["flags"], plain["valid"], plain["altitude_m"]) == (
            "inaccurate zero_island",
            "false",
            "",
        )
        assert answer.text.count("\r\n") == 3


async def test_the_geojson_is_a_collection_of_points(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await add(api, key.tenant, {"altitude_m": 113.0}, {"flags": 64, "attributes": {"fuel": 0.5}})
        answer = await api.get(f"/api/vehicles/bus-7/export?form=geojson&{AROUND_NOON}", key.text)
        assert answer.headers["Content-Type"] == "application/geo+json"
        first, second = answer.json()["features"]
        assert answer.json()["type"] == "FeatureCollection"
        assert first["geometry"] == {"type": "Point", "coordinates": [21.0, 52.0, 113.0]}
        assert second["geometry"]["coordinates"] == [21.0, 52.0]
        assert second["properties"]["flags"] == ["impossible_jump"]
        assert second["properties"]["attributes"] == {"fuel": 0.5}
        empty = await api.get("/api/vehicles/bus-7/export?form=geojson", key.text)
        assert empty.json() == {"type": "FeatureCollection", "features": []}


async def test_the_gpx_is_valid_and_cut_where_signal_was_lost(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await add(
            api,
            key.tenant,
            {"vehicle_id": "a<&\ufffe", "longitude": 180.0, "altitude_m": 12.34, "heading_deg": 90.0},
            {"flags": 4},
            {"time": NOON + timedelta(milliseconds=5500), "speed_mps": None},
            {"time": NOON + timedelta(hours=2)},
        )
        answer = await api.get(f"/api/positions/export?form=gpx&{AROUND_NOON}", key.text)
        assert answer.headers["Content-Type"] == "application/gpx+xml"
        root = ElementTree.fromstring(answer.text)
        assert shape(root) == [("a<&\ufffd", [1]), ("bus-7", [1, 1])]
        check_gpx(root)
        point = next(root.iter(f"{GPX}trkpt"))
        assert point.get("lon") == "-180.0000000"
        garmin = "{http://www.garmin.com/xmlschemas/TrackPointExtension/v2}"
        assert [part.text for part in point.iter(f"{garmin}speed")] == ["3.50"]
        assert "12:00:05.5" in answer.text
        empty = await api.get("/api/positions/export?form=gpx", key.text)
        check_gpx(ElementTree.fromstring(empty.text))


def shape(root: ElementTree.Element) -> list[tuple[str, list[int]]]:
    """Each track's name, and how many points its segments have."""
    return [
        (track.findtext(f"{GPX}name", ""), [len(segment) for segment in track.iter(f"{GPX}trkseg")])
        for track in root.iter(f"{GPX}trk")
    ]


def check_gpx(root: ElementTree.Element) -> None:
    """What the schema of GPX 1.1 says of the parts that we write: order, types and ranges."""
    assert (root.tag, root.get("version"), bool(root.get("creator"))) == (f"{GPX}gpx", "1.1", True)
    assert all(child.tag == f"{GPX}trk" for child in root)
    for track in root:
        assert track[0].tag == f"{GPX}name"
        assert all(child.tag == f"{GPX}trkseg" for child in list(track)[1:])
    for point in root.iter(f"{GPX}trkpt"):
        assert set(point.attrib) == {"lat", "lon"}
        assert -90 <= float(point.attrib["lat"]) <= 90
        assert -180 <= float(point.attrib["lon"]) < 180
        tags = [child.tag.removeprefix(GPX) for child in point]
        assert tags == [tag for tag in ("ele", "time", "extensions") if tag in tags]
        assert TIME.fullmatch(point.findtext(f"{GPX}time", ""))


async def test_a_file_has_the_vehicles_that_may_be_seen_and_no_others(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        key = await api.app.key(tenant, documents=["track/bus-*", "track/a%2Fb/*"])
        none = await api.app.key(tenant, documents=["tables/*"])
        for vehicle_id in ("bus-7", "a/b", "a", "car"):
            await api.add_positions(tenant, vehicle_id, 1, 2)
        path = f"/api/positions/export?{AROUND_NOON}"
        rows = list(csv.DictReader(io.StringIO((await api.get(path, key.text)).text, newline="")))
        assert [row["vehicle_id"] for row in rows] == ["a/b", "a/b", "bus-7", "bus-7"]
        assert len((await api.get(path, none.text)).text.splitlines()) == 1
        year = "from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"
        assert error_of(await api.get(f"/api/positions/export?{year}", key.text)) == "invalid_request"
        assert (await api.get(f"/api/vehicles/bus-7/export?{year}", key.text)).status_code == 200


async def test_a_large_file_comes_part_by_part_and_its_reader_may_leave(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_positions(key.tenant, "bus-0", 0)
        rows = """
            insert into gps_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at,
                                       latitude, longitude, document_id, seq)
            select :tenant, 'bus-7', 'tracker', number, cast(:noon as timestamptz)
                   + number * interval '1 second', now(), 52, 21, 1, 1
            from generate_series(1, 40000) number
        """
        async with api.app.services.database.owner() as connection:
            await connection.execute(text(rows), {"tenant": key.tenant.id, "noon": NOON})
        path, headers = f"/api/vehicles/bus-7/export?{AROUND_NOON}", {"Authorization": f"Bearer {key.text}"}
        for _ in range(track_readings.FILES_AT_ONCE + 1):  # whoever leaves must leave their place too
            async with api.client.stream("GET", path, headers=headers) as answer:
                assert (await anext(answer.aiter_text())).startswith("vehicle_id,")
        async with api.client.stream("GET", path, headers=headers) as answer:
            lines = sum([part.count("\r\n") async for part in answer.aiter_text()])
        assert lines == 40_001


async def test_what_breaks_on_the_way_breaks_the_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A fault of our own, when half of the answer is sent: no input is known that makes one.
    def fail(file: GpxFile, records: list[PositionRecord]) -> str:
        raise RuntimeError("no more")

    monkeypatch.setattr(GpxFile, "part", fail)
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await add(api, key.tenant, {})
        with pytest.raises(httpx.RemoteProtocolError):
            await api.get(f"/api/vehicles/bus-7/export?form=gpx&{AROUND_NOON}", key.text)
        assert (await api.get(f"/api/vehicles/bus-7/export?{AROUND_NOON}", key.text)).status_code == 200
