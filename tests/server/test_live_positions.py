"""The stream of latest positions: the present state, then what changes, and nothing missed in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.changes_contract import LatestMoved
from tests.fleet import open_fleet
from tests.server.api import running_api
from tests.server.cities import City, running_city
from tests.server.streams import Traffic, open_stream
from tests.store.proxy import wire_to
from webhost_sync.fleet import live_positions as following
from webhost_sync.routes import live_positions as route


@pytest.fixture
async def city(database_url: str) -> AsyncIterator[City]:
    async with running_city(database_url) as city:
        yield city


async def test_the_present_state_comes_first_and_then_only_what_changes(city: City) -> None:
    await city.traffic.move("bus-1", "bus-2")
    async with open_stream(city.api, city.key.text) as stream:
        assert await stream.ready() is False
        assert stream.seen == {"bus-1": 1, "bus-2": 1}
        await city.traffic.move("bus-2")
        event = await stream.next()
        assert event.name == "latest"
        assert [(item["vehicle_id"], item["sequence"]) for item in event.data] == [("bus-2", 2)]


async def test_positions_are_as_the_list_has_them(city: City) -> None:
    await city.traffic.move("bus-1", attributes={"ignition": True})
    async with open_stream(city.api, city.key.text) as stream:
        present = (await stream.until("latest")).data
        [listed] = await city.api.pages("/api/positions/latest", city.key.text)
        assert present == listed
        await stream.ready()
        await city.traffic.move("bus-1", attributes={"ignition": False})
        changed = (await stream.until("latest")).data
        [listed] = await city.api.pages("/api/positions/latest", city.key.text)
        assert changed == listed


async def test_a_large_fleet_comes_in_several_events(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "CHUNK", 2)
    vehicles = [f"bus-{number}" for number in range(5)]
    await city.traffic.move(*vehicles)
    async with open_stream(city.api, city.key.text) as stream:
        await stream.ready()
        assert [len(event.data) for event in stream.events if event.name == "latest"] == [2, 2, 1]
        await city.traffic.move(*vehicles)
        await stream.shows(**{vehicle.replace("-", "_"): 2 for vehicle in vehicles})


async def test_a_tenant_without_positions_is_ready_and_learns_of_the_first(city: City) -> None:
    async with open_stream(city.api, city.key.text) as stream:
        assert await stream.ready() is False
        await city.traffic.move("bus-1")
        await stream.shows(bus_1=1)
        assert [event.name for event in stream.events] == ["ready", "latest"]
        last_id = stream.last_id
    await city.traffic.move("bus-1")
    async with open_stream(city.api, city.key.text, last_id=last_id) as stream:
        assert await stream.ready() is True
        assert stream.seen == {"bus-1": 2}


@pytest.mark.parametrize("way", ["header", "query"])
async def test_whoever_comes_back_gets_only_what_it_missed(city: City, way: str) -> None:
    await city.traffic.move("bus-1", "bus-2", "bus-3")
    async with open_stream(city.api, city.key.text) as stream:
        await stream.ready()
    last_id = stream.last_id
    await city.traffic.move("bus-2", "bus-2")
    await city.traffic.remove("bus-3")
    header, query = (last_id, "") if way == "header" else ("", f"?after={last_id}")
    async with open_stream(city.api, city.key.text, last_id=header, query=query) as again:
        assert await again.ready() is True
        assert [(event.name, len(event.data)) for event in again.events[:-1]] == [("gone", 1), ("latest", 1)]
        assert again.events[0].data == ["bus-3"]
        assert again.seen == {"bus-2": 3}
    async with open_stream(city.api, city.key.text, last_id=again.last_id) as third:
        await third.ready()
        assert len(third.events) == 1


async def test_a_vehicle_without_positions_leaves_the_stream(city: City) -> None:
    await city.traffic.move("bus-1", "bus-2")
    async with open_stream(city.api, city.key.text) as stream:
        await stream.ready()
        await city.traffic.remove("bus-1")
        assert (await stream.until("gone")).data == ["bus-1"]
        assert stream.seen == {"bus-2": 1}


async def test_however_often_it_breaks_the_reader_ends_up_with_the_present_state(city: City) -> None:
    vehicles = [f"bus-{number}" for number in range(6)]
    await city.traffic.move(*vehicles)
    last_id, seen, repeated = "", dict[str, int](), 0
    for round_number in range(12):
        async with open_stream(city.api, city.key.text, last_id=last_id, seen=seen) as stream:
            if round_number % 3:
                assert await stream.ready() is bool(last_id)
            moving = asyncio.create_task(city.traffic.move(*vehicles[round_number % 4 :: 2], vehicles[0]))
            await stream.next()
            await moving
        repeated += sum(
            seen.get(item["vehicle_id"]) == item["sequence"]
            for event in stream.events
            if event.name == "latest" and round_number
            for item in event.data
        )
        last_id, seen = stream.last_id, stream.seen
    async with open_stream(city.api, city.key.text, last_id=last_id, seen=seen) as stream:
        await stream.ready()
        assert stream.seen == await city.listed()
    assert repeated <= 2 * len(vehicles)


async def test_a_cursor_outlives_the_server_that_gave_it(database_url: str) -> None:
    async with running_city(database_url) as city:
        await city.traffic.move("bus-1", "bus-2")
        async with open_stream(city.api, city.key.text) as stream:
            await stream.ready()
        await city.traffic.move("bus-2")
    async with (
        running_api(database_url) as api,
        open_stream(api, city.key.text, last_id=stream.last_id) as again,
    ):
        assert await again.ready() is True
        assert again.seen == {"bus-2": 2}


async def test_a_reader_further_behind_than_what_is_kept_reads_the_database(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LIMIT", 1)
    monkeypatch.setattr(route, "CHUNK", 1)
    await city.traffic.move("bus-1", "bus-2")
    async with open_stream(city.api, city.key.text) as other, open_stream(city.api, city.key.text) as stream:
        await stream.ready()
        await city.traffic.move("bus-1", "bus-2", "bus-3")
        await other.shows(bus_1=2, bus_2=2, bus_3=1)
        await stream.shows(bus_1=2, bus_2=2, bus_3=1)
        async with open_stream(city.api, city.key.text, last_id=stream.last_id) as again:
            assert await again.ready() is True
            assert again.events[:-1] == []


async def test_a_useless_cursor_leads_to_the_whole_state(city: City) -> None:
    await city.traffic.move("bus-1", "bus-2")
    narrow = await city.api.app.key(city.key.tenant, documents=["track/bus-1/*"])
    async with open_stream(city.api, narrow.text) as stream:
        await stream.ready()
        assert stream.seen == {"bus-1": 1}
    narrower = stream.last_id
    for last_id in ("garbage", "WyJhIiwgMV0", narrower):
        async with open_stream(city.api, city.key.text, last_id=last_id, seen={"ghost": 1}) as stream:
            assert await stream.ready() is False
            assert stream.seen == {"bus-1": 1, "bus-2": 1}


PUT_BACK = {"numbered anew": "epoch = gen_random_uuid()", "an earlier state": "version = 1"}


@pytest.mark.parametrize("change", PUT_BACK.values(), ids=PUT_BACK)
async def test_a_database_that_was_put_back_leads_to_the_whole_state(database_url: str, change: str) -> None:
    async with running_city(database_url, log_poll_interval=0.05) as city:
        await city.traffic.move("bus-1", "bus-2", "bus-2")
        async with open_stream(city.api, city.key.text) as stream:
            await stream.ready()
            await city.fleet.execute("delete from latest_changes")
            await city.fleet.execute(f"update position_feeds set {change}")
            assert await stream.ready() is False
            assert stream.seen == {"bus-1": 1, "bus-2": 2}
            await city.traffic.move("bus-2")
            await stream.shows(bus_2=3)
            last_id = stream.last_id
        await city.fleet.execute(f"update position_feeds set {change}")
    async with running_api(database_url) as api, open_stream(api, city.key.text, last_id=last_id) as again:
        assert await again.ready() is False


async def test_what_no_notification_told_is_found_by_looking(database_url: str) -> None:
    async with (
        running_city(database_url, announcer=Mute(), log_poll_interval=0.05) as city,
        open_stream(city.api, city.key.text) as stream,
    ):
        await stream.ready()
        await city.traffic.move("bus-1")
        await stream.shows(bus_1=1)


async def test_a_stream_goes_on_after_the_database_was_away(database_url: str) -> None:
    async with wire_to(database_url) as wire, running_api(wire.url(database_url)) as api:
        key = await api.app.key(await api.app.tenant())
        async with open_fleet(database_url) as fleet, open_stream(api, key.text) as stream:
            await stream.ready()
            wire.down = True
            await wire.cut()
            await Traffic(fleet, key.tenant).move("bus-1")
            wire.down = False
            await stream.shows(bus_1=1)


class Mute:
    """Tells nobody, as a process that is killed after its commit."""

    def announce_latest(self, moved: LatestMoved) -> None:
        return
