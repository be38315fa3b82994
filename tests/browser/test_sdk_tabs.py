"""The tabs of one device: one holds the connection for all, and any of them may die, freeze or leave."""

from __future__ import annotations

from tests.browser.cable import Cable
from tests.browser.conftest import NewCable, NewDevice
from tests.browser.device import Device
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}


class Family:
    """Tabs of one device, the leader first, and a witness: another device that sees what has arrived."""

    def __init__(self, device: Device, cable: Cable, tabs: list[SdkPage], witness: SdkPage) -> None:
        self.device = device
        self.cable = cable
        self.tabs = tabs
        self.witness = witness

    @property
    def leader(self) -> SdkPage:
        return self.tabs[0]

    async def arrives(self, writer: SdkPage, name: str, *, within: float = 20) -> None:
        """Add a vehicle in this tab, and wait until the witness and all living tabs have it."""
        await writer.run("await db.vehicles.add({ name: argument })", name)
        condition = "db.vehicles.where('name').equals(argument).count().then((count) => count === 1)"
        for page in (self.witness, *self.tabs):
            await page.until(condition, within=within, argument=name)
        await writer.until("client.status.pending === 0", within=within)

    async def new_leader(self, *, within: float = 20) -> None:
        """Wait until exactly one of the tabs leads, on the only socket; it comes first from then on."""

        async def one_leads() -> None:
            leaders = [tab for tab in self.tabs if (await tab.status())["leader"]]
            assert len(leaders) == 1, f"{len(leaders)} leaders"
            assert self.cable.sockets == 1, f"{self.cable.sockets} sockets"
            self.tabs.sort(key=lambda tab: tab not in leaders)

        await eventually(one_leads, within=within)


async def family(
    device: NewDevice, cable: NewCable, server: SyncServer, tenant: str, tabs: int = 3
) -> Family:
    key = await server.key_for(tenant, "read", "write")
    phone, wire = await device("phone"), await cable(server)
    pages = [SdkPage(await phone.open()) for _ in range(tabs)]
    for page in pages:
        status = await page.connect(wire.url, key, SCHEMA)
        assert status["connected"], status
    witness = SdkPage(await (await device("witness")).open())
    await witness.connect(server.url, key, SCHEMA)
    made = Family(phone, wire, pages, witness)
    await made.new_leader()
    return made


async def test_three_tabs_have_one_socket_and_each_sees_what_any_of_them_writes(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    tabs = await family(device, cable, sync_server, "one-socket")
    for number, tab in enumerate(tabs.tabs):
        await tabs.arrives(tab, f"by tab {number}")
    assert tabs.cable.dialled == 1
    for tab in tabs.tabs:
        status = await tab.status()
        assert (status["phase"], status["connected"], status["synced"]) == ("live", True, True), status


async def test_another_tab_takes_over_when_the_leader_is_closed_or_crashes(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    tabs = await family(device, cable, sync_server, "heirs")
    await tabs.leader.page.close()
    del tabs.tabs[0]
    await tabs.new_leader()
    await tabs.arrives(tabs.tabs[1], "after the close")
    await tabs.leader.run("await db.vehicles.add({ name: 'last words' })")
    await tabs.device.crash(tabs.leader.page)
    del tabs.tabs[0]
    await tabs.new_leader()
    await tabs.arrives(tabs.leader, "after the crash")
    assert {row["name"] for row in await tabs.witness.rows("vehicles")} == {
        "after the close",
        "last words",
        "after the crash",
    }


async def test_a_leader_that_is_told_of_its_freezing_leaves_at_once_and_comes_back_as_one_of_many(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    tabs = await family(device, cable, sync_server, "freeze", tabs=2)
    sleeper = tabs.tabs.pop(0)
    await tabs.device.freeze(sleeper.page)
    await tabs.new_leader(within=90)
    await tabs.arrives(tabs.leader, "while it sleeps")
    await tabs.device.thaw(sleeper.page)
    tabs.tabs.append(sleeper)
    await tabs.new_leader()
    await tabs.arrives(sleeper, "after it woke")


async def test_a_leader_that_stands_still_is_replaced_and_does_no_harm_when_it_goes_on(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    """It keeps its lock and its socket, says nothing, and goes on in the midst of a write."""
    tabs = await family(device, cable, sync_server, "thaw", tabs=2)
    sleeper = tabs.tabs.pop(0)
    await tabs.device.freeze(sleeper.page, tell=False)
    (heir,) = tabs.tabs
    await heir.until("client.status.leader", within=90)
    await tabs.arrives(heir, "while it stands")
    await tabs.device.thaw(sleeper.page, tell=False)
    tabs.tabs.append(sleeper)
    await tabs.new_leader()
    assert tabs.leader is heir
    await tabs.arrives(sleeper, "after it went on")
    await tabs.arrives(heir, "and by the other")
    assert await heir.rows("vehicles") == await tabs.witness.rows("vehicles")
