"""Whose streams of positions begin and go on, how they end, and that nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.keys import Keys
from tests.eventually import eventually
from tests.server.api import error_of
from tests.server.cities import City, running_city
from tests.server.streams import PATH, Traffic, open_stream
from webhost_sync.routes import live_positions as route


@pytest.fixture
async def city(database_url: str) -> AsyncIterator[City]:
    async with running_city(database_url) as city:
        yield city


async def test_silence_is_broken_by_a_comment_that_brings_the_id(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "SILENCE", 0.05)
    narrow = await city.api.app.key(city.key.tenant, documents=["track/bus-1/*"])
    async with open_stream(city.api, narrow.text) as stream:
        await stream.ready()
        before = stream.last_id
        await city.traffic.move("bus-2")

        async def hears() -> bool:
            return stream.comments > 0 and stream.last_id != before

        reading = asyncio.create_task(stream.next())
        await eventually(hears)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert [event.name for event in stream.events] == ["ready"]


# Who may read what, and until when


async def test_tenants_and_vehicles_are_apart(city: City) -> None:
    other = await city.api.app.key(await city.api.app.tenant("other"))
    narrow = await city.api.app.key(city.key.tenant, documents=["track/bus-1/*", "track/bus-2/2026-*"])
    blind = await city.api.app.key(city.key.tenant, "history")
    await city.traffic.move("bus-1", "bus-2")
    async with (
        open_stream(city.api, other.text) as theirs,
        open_stream(city.api, narrow.text) as one,
        open_stream(city.api, blind.text) as none,
    ):
        for stream in (theirs, one, none):
            await stream.ready()
        await city.traffic.move("bus-2", "bus-1")
        await city.traffic.remove("bus-2")
        await one.shows(bus_1=2)
        await Traffic(city.fleet, other.tenant).move("van")
        await theirs.shows(van=1)
        await Keys(city.api.app.services.database).revoke(city.key.tenant.id, narrow.record.id)
        await Keys(city.api.app.services.database).revoke(city.key.tenant.id, blind.record.id)
        for stream in (one, none):
            await stream.until("end")
        assert one.seen == {"bus-1": 2}
        assert none.events[:-1] == none.events[:1]
        assert theirs.seen == {"van": 1}
        assert "gone" not in {event.name for stream in (theirs, one, none) for event in stream.events}


async def test_a_revoked_key_ends_its_streams_and_those_of_its_tokens(city: City) -> None:
    token = city.api.app.token(city.key, "read")
    async with open_stream(city.api, city.key.text) as own, open_stream(city.api, token) as lent:
        await own.ready()
        await lent.ready()
        await Keys(city.api.app.services.database).revoke(city.key.tenant.id, city.key.record.id)
        for stream in (own, lent):
            error = (await stream.until("end")).data["error"]
            assert (error["code"], error["retry"]) == ("key_revoked", False)
            with pytest.raises(StopAsyncIteration):
                await stream.next()


async def test_an_expired_token_ends_its_stream(city: City) -> None:
    async with open_stream(city.api, city.api.app.token(city.key, "read", lifetime=1.5)) as stream:
        assert (await stream.until("end")).data["error"]["code"] == "token_expired"


async def test_a_server_that_stops_says_so_and_lets_nobody_in(city: City) -> None:
    async with open_stream(city.api, city.key.text) as stream:
        await stream.ready()
        stopping = asyncio.create_task(city.api.app.server.stop())
        error = (await stream.until("end")).data["error"]
        assert (error["code"], error["retry"]) == ("draining", True)
        await stopping


async def test_a_draining_server_answers_new_readers_with_draining(city: City) -> None:
    city.api.app.services.hub.start_draining()
    answer = await city.api.get(PATH, city.key.text)
    assert (answer.status_code, error_of(answer)) == (503, "draining")


async def test_streams_count_among_the_connections_of_a_credential(database_url: str) -> None:
    async with running_city(database_url, connections_per_credential=1) as city:
        async with open_stream(city.api, city.key.text) as stream:
            await stream.ready()
            assert [live.document for live in city.api.app.services.live] == [PATH]
            answer = await city.api.get(PATH, city.key.text)
            assert (answer.status_code, error_of(answer)) == (429, "too_many_requests")
        await eventually(lambda: len(city.api.app.services.live) == 0)


async def test_a_head_request_is_answered_and_done(city: City) -> None:
    headers = {"Authorization": f"Bearer {city.key.text}"}
    answer = await city.api.client.head(PATH, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_nothing_is_left_of_a_stream_that_has_ended(city: City) -> None:
    async with open_stream(city.api, city.key.text) as stream:
        await stream.ready()
    await eventually(lambda: len(city.api.app.services.live) == 0)
    assert city.api.app.services.live_positions.followed == 0
