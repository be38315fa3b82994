"""Webhooks of what the projector writes: refused rows, and vehicles at fences. Each thing is told once,
however often it is projected, and what is told is in the outbox exactly when its row is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from store.contract import NewUpdate, Tenant
from store.fleet_contract import RejectRow
from tests.app import App, running_app
from tests.fleet import TODAY, Fleet, Writer, fix, open_fleet, track_name
from tests.postgres import select
from tests.server.webhook_receiver import FAST, Receiver, api
from webhost_sync.config import Settings
from webhost_sync.fleet.rebuild import compare, rebuild

VEHICLES, FENCES = "tables/vehicles", "tables/geofences"
KINDS = ["row.rejected", "geofence.entered", "geofence.exited"]
DEPOT = {
    "kind": "circle",
    "name": "Depot",
    "radius_m": 500,
    "center": {"latitude": 48.1, "longitude": 11.5},
}
IN, OUT = 48.1, 48.2


@dataclass
class Yard:
    app: App
    fleet: Fleet
    tenant: Tenant
    url: str
    key: str
    webhook: str

    async def write(self, name: str, *updates: bytes) -> None:
        """Append as a client would, and project."""
        log = self.app.services.log
        record = await log.open(self.tenant.id, name, create=True)
        new = [NewUpdate(update, "key:import", "", (1,)) for update in updates]
        await log.append(self.tenant.id, record.id, new, epoch=record.epoch)
        await self.fleet.projector.catch_up()

    async def rebuild(self) -> None:
        await rebuild(self.fleet.fleet, self.fleet.store.log, Settings())
        await self.fleet.projector.catch_up()

    async def outbox(self) -> list[tuple[str, ...]]:
        """What was ever told, or waits to be: its kind, and document or vehicle, fence and sequence."""
        rows = await select(
            self.url,
            "select kind, payload ->> 'document', payload ->> 'vehicle_id', payload ->> 'geofence_id',"
            " payload ->> 'sequence' from webhook_messages order by seq",
        )
        return [tuple(part for part in row if part is not None) for row in rows]


@asynccontextmanager
async def running_yard(
    database_url: str, receiver: Receiver, kinds: Sequence[str] = KINDS
) -> AsyncIterator[Yard]:
    async with running_app(database_url, **FAST) as app, open_fleet(database_url) as fleet:
        tenant = await app.tenant()
        admin = await app.key(tenant, "read", "write", "admin")
        made = await api(app, admin.text, "POST", "", json={"url": receiver.url, "kinds": list(kinds)})
        yield Yard(app, fleet, tenant, database_url, admin.text, made["webhook"]["id"])


def drive() -> list[bytes]:
    """In and out, a chunk for each fix, in any order: the second enters, the fourth leaves."""
    places = enumerate((OUT, IN, IN, OUT), 1)
    return [Writer(10 + number).chunk(fix(number, 1000 * number, latitude=place)) for number, place in places]


async def test_what_is_refused_is_told_with_path_and_reason(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        table = Writer(1)
        await yard.write(VEHICLES, table.row("a/b", {"odometer_m": "12 km", "name": 5.0}))
        await receiver.has(1)
        [message] = receiver.messages()
        assert message["type"] == "row.rejected"
        assert message["data"] == {
            "document": VEHICLES,
            "seq": 1,
            "count": 2,
            "rejects": [
                {"path": "rows/a%2Fb/name", "reason": "name is a number, not text"},
                {
                    "path": "rows/a%2Fb/odometer_m",
                    "reason": "odometer_m is text, not a number",
                },
            ],
        }


async def test_a_reject_is_told_once_and_again_for_another_reason_or_after_it_was_mended(
    database_url: str, receiver: Receiver
) -> None:
    async with running_yard(database_url, receiver) as yard:
        table = Writer(1)
        await yard.write(VEHICLES, table.row("bus-7", {"odometer_m": "12 km"}))
        told = [("row.rejected", VEHICLES)]
        assert await yard.outbox() == told
        await yard.write(VEHICLES, table.row("bus-8", {"name": "Eight"}))
        await yard.write(VEHICLES, table.field("bus-7", "odometer_m", "13 km"))  # for the same reason
        await yard.rebuild()
        await compare(yard.fleet.fleet, yard.fleet.store.log, Settings(), tenant_id=yard.tenant.id)
        assert await yard.outbox() == told
        await yard.write(VEHICLES, table.field("bus-7", "odometer_m", True))
        assert await yard.outbox() == told * 2
        await yard.write(VEHICLES, table.field("bus-7", "odometer_m", 5.0))
        await yard.write(VEHICLES, table.field("bus-7", "odometer_m", True))
        assert await yard.outbox() == told * 3
        await receiver.has(3)
        reasons = [message["data"]["rejects"][0]["reason"] for message in receiver.messages()]
        assert [reason.split(",")[0] for reason in reasons] == [
            "odometer_m is text", "odometer_m is true or false", "odometer_m is true or false"
        ]  # fmt: skip


async def test_a_thousand_refused_at_once_are_one_message(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        wrong = [fix(number, latitude=95.0) for number in range(1, 1001)]
        await yard.write(track_name(), Writer(1).chunk(*wrong))
        await receiver.has(1)
        [message] = receiver.messages()
        assert (message["data"]["count"], len(message["data"]["rejects"])) == (1000, 20)
        assert await yard.outbox() == [("row.rejected", track_name())]


async def test_vehicles_that_enter_and_leave_are_told_as_they_come(
    database_url: str, receiver: Receiver
) -> None:
    async with running_yard(database_url, receiver) as yard:
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        for chunk in drive():
            await yard.write(track_name(), chunk)
        await receiver.has(2)
        entered, left = receiver.messages()
        assert (entered["type"], left["type"]) == ("geofence.entered", "geofence.exited")
        time = datetime.fromisoformat(entered["data"].pop("time"))
        assert time == TODAY + timedelta(seconds=2000)
        assert entered["data"] == {
            "geofence_id": "depot", "geofence_name": "Depot", "vehicle_id": "bus-7", "device_id": "box",
            "sequence": 2, "latitude": IN, "longitude": 11.5,
        }  # fmt: skip
        assert left["data"]["sequence"] == 4


async def test_only_the_kinds_that_were_asked_for_are_told(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver, ["geofence.exited"]) as yard:
        await yard.write(VEHICLES, Writer(2).row("bus-7", {"odometer_m": "12 km"}))
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        await yard.write(track_name(), *drive())
        await receiver.has(1)
        assert [message["type"] for message in receiver.messages()] == ["geofence.exited"]
        assert await yard.outbox() == [("geofence.exited", "bus-7", "depot", "4")]


async def test_no_rebuild_tells_old_events_again(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        await yard.write(track_name(), *drive())
        told = await yard.outbox()
        assert len(told) == 2
        await yard.rebuild()
        await yard.rebuild()
        await select(database_url, "delete from geofence_events")
        await yard.rebuild()
        assert await yard.outbox() == told
        await yard.write(track_name(), Writer(16).chunk(fix(6, 6000, latitude=IN)))
        assert await yard.outbox() == [*told, ("geofence.entered", "bus-7", "depot", "6")]


async def test_late_fixes_are_told_when_they_come(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        out, entering, _, leaving = drive()
        await yard.write(track_name(), out, leaving)
        assert await yard.outbox() == []
        await yard.write(track_name(), entering)
        assert await yard.outbox() == [
            ("geofence.entered", "bus-7", "depot", "2"),
            ("geofence.exited", "bus-7", "depot", "4"),
        ]


async def test_a_fence_that_is_drawn_or_moved_tells_nothing_of_the_past(
    database_url: str, receiver: Receiver
) -> None:
    async with running_yard(database_url, receiver) as yard:
        fences = Writer(1)
        before = drive()
        await yard.write(track_name(), *before[:3])
        await yard.write(FENCES, fences.row("depot", DEPOT))
        [(events,)] = await select(database_url, "select count(*) from geofence_events")
        assert events == 1
        assert await yard.outbox() == []
        await yard.write(track_name(), before[3])
        told = [("geofence.exited", "bus-7", "depot", "4")]
        assert await yard.outbox() == told
        await yard.write(FENCES, fences.field("depot", "radius_m", 400.0))
        await yard.write(FENCES, fences.field("depot", "name", "Yard"))
        await yard.write(FENCES, fences.row("yard", DEPOT))
        assert await yard.outbox() == told


async def test_a_fence_counts_from_its_edit_however_late_it_is_projected(
    database_url: str, receiver: Receiver
) -> None:
    async with running_yard(database_url, receiver) as yard:
        log = yard.app.services.log
        for name, updates in ((FENCES, [Writer(1).row("depot", DEPOT)]), (track_name(), drive())):
            record = await log.open(yard.tenant.id, name, create=True)
            new = [NewUpdate(update, "key:import", "", (1,)) for update in updates]
            await log.append(yard.tenant.id, record.id, new, epoch=record.epoch)
        await yard.fleet.projector.catch_up()
        assert [message[0] for message in await yard.outbox()] == ["geofence.entered", "geofence.exited"]


async def test_a_new_webhook_is_not_told_of_what_was(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        await yard.write(VEHICLES, Writer(2).row("bus-7", {"odometer_m": "12 km"}))
        await yard.write(track_name(), *drive())
        await receiver.has(3)
        await api(yard.app, yard.key, "DELETE", f"/{yard.webhook}")
        await api(yard.app, yard.key, "POST", "", json={"url": receiver.url, "kinds": KINDS})
        await yard.rebuild()
        assert await yard.outbox() == []


async def test_they_are_replayed_by_seq_like_all_others(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        await yard.write(VEHICLES, Writer(2).row("bus-7", {"odometer_m": "12 km"}))
        await yard.write(track_name(), *drive())
        await receiver.has(3)
        first = receiver.messages()[0]["seq"]
        again = await api(yard.app, yard.key, "POST", f"/{yard.webhook}/replay", json={"from_seq": first + 1})
        assert again == {"messages": 2}
        await receiver.has(5)
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert ids[3:] == ids[1:3]


async def test_a_turn_that_fails_has_told_nothing(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        document = await yard.app.services.log.open(yard.tenant.id, VEHICLES, create=True)

        async def begin() -> None:
            async with yard.fleet.fleet.tenant_turn(yard.tenant.id) as turn:
                await turn.put_rejects(document.id, [RejectRow("rows/x", "why", "5")], seq=1)
                raise RuntimeError("the process is killed")

        with pytest.raises(RuntimeError, match="is killed"):
            await begin()
        assert await yard.outbox() == []


async def test_another_tenant_s_webhook_hears_nothing(database_url: str, receiver: Receiver) -> None:
    async with running_yard(database_url, receiver) as yard:
        other = await yard.app.tenant("other")
        yard.tenant = other
        await yard.write(FENCES, Writer(1).row("depot", DEPOT))
        await yard.write(VEHICLES, Writer(2).row("bus-7", {"odometer_m": "12 km"}))
        await yard.write(track_name(), *drive())
        assert await yard.outbox() == []
