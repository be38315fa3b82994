"""A reader of server-sent events, as browsers read them, and a fleet that moves under it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from store.contract import Tenant
from tests.fleet import Fleet, Writer, fix, track_name
from tests.server.api import Api

PATH = "/api/positions/live"


@dataclass(frozen=True)
class Event:
    name: str
    data: Any


@dataclass
class Stream:
    """One connection, and what a client makes of it: the last id, and where each vehicle is."""

    lines: AsyncIterator[str]
    answer: httpx.Response
    last_id: str = ""
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    """The sequence of each vehicle's position, as it is known."""
    _since_open: set[str] = field(default_factory=set)

    async def next(self) -> Event:
        """The next event. Raises: StopAsyncIteration at the end of the stream."""
        name, data = "", ""
        async for line in self.lines:
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "id":
                self.last_id = value
            elif kind == "data":
                data = value
            elif line.startswith(":"):
                self.comments += 1
            elif not line and data:
                return self._take(Event(name, json.loads(data)))
        raise StopAsyncIteration

    async def until(self, name: str) -> Event:
        while (event := await self.next()).name != name:
            pass
        return event

    async def ready(self) -> bool:
        """Wait for the whole present state; whether this was a continuation."""
        return bool((await self.until("ready")).data["resumed"])

    async def shows(self, **sequences: int) -> None:
        """Read on until the vehicles are where these sequences are."""
        wanted = {vehicle.replace("_", "-"): sequence for vehicle, sequence in sequences.items()}
        while not wanted.items() <= self.seen.items():
            await self.next()

    def _take(self, event: Event) -> Event:
        self.events.append(event)
        if event.name == "latest":
            self.seen |= {item["vehicle_id"]: item["sequence"] for item in event.data}
            self._since_open |= {item["vehicle_id"] for item in event.data}
        elif event.name == "gone":
            for vehicle in event.data:
                self.seen.pop(vehicle, None)
        elif event.name == "ready":
            if not event.data["resumed"]:
                self.seen = {key: value for key, value in self.seen.items() if key in self._since_open}
            self._since_open = set()
        return event


@asynccontextmanager
async def open_stream(
    api: Api, credential: str, *, last_id: str = "", seen: dict[str, int] | None = None, query: str = ""
) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {credential}"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with api.client.stream("GET", PATH + query, headers=headers) as answer:
        if answer.status_code == 200:
            assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines(), answer, last_id, seen=dict(seen or {}))


@dataclass
class Traffic:
    """Moves the vehicles of one tenant through documents and a projector of another process."""

    fleet: Fleet
    tenant: Tenant
    writers: dict[str, Writer] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    async def move(self, *vehicles: str, **changed: Any) -> None:
        """Give each vehicle one more position, and have it projected."""
        for vehicle in vehicles:
            writer = self.writers.setdefault(vehicle, Writer(len(self.writers) + 1))
            sequence = self.sequences[vehicle] = self.sequences.get(vehicle, 0) + 1
            await self.fleet.append(
                track_name(vehicle), writer.chunk(fix(sequence, **changed)), tenant_id=self.tenant.id
            )
        await self.fleet.projector.catch_up()

    async def remove(self, vehicle: str) -> None:
        """Delete the vehicle's track, and have that projected."""
        document = await self.fleet.append(track_name(vehicle), tenant_id=self.tenant.id)
        await self.fleet.execute("update documents set state = 'deleted' where id = $1", document.id)
        await self.fleet.projector.catch_up()
