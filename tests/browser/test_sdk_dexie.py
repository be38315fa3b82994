"""The tables are Dexie tables: what an app developer knows of those holds here, on every tab and device."""

from __future__ import annotations

from tests.browser import committed
from tests.browser.conftest import NewDevice
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name, &plate, [group+status], *tags"}

WATCH = """
  globalThis.seen = []
  liveQuery(() => db.vehicles.where('[group+status]').equals(['north', 'free']).primaryKeys())
    .subscribe((keys) => seen.push(keys.length))
"""


async def pages(device: NewDevice, server: SyncServer, tenant: str, *names: str) -> list[SdkPage]:
    """One tab on each of these devices, connected; a device that is named twice has two."""
    key = await server.key_for(tenant, "read", "write")
    devices = {name: await device(name) for name in dict.fromkeys(names)}
    opened = [SdkPage(await devices[name].open()) for name in names]
    for page in opened:
        await page.connect(server.url, key, SCHEMA)
    return opened


async def test_a_live_query_fires_in_this_tab_in_another_and_on_another_device(
    device: NewDevice, sync_server: SyncServer
) -> None:
    one, two, laptop = watchers = await pages(device, sync_server, "live", "phone", "phone", "laptop")
    for page in watchers:
        await page.run(WATCH)
        await page.until("seen.at(-1) === 0")
    for count, writer in enumerate(watchers, start=1):
        await writer.run("await db.vehicles.add({ name: 'van', group: 'north', status: 'free' })")
        await writer.run("await db.vehicles.add({ name: 'bus', group: 'north', status: 'taken' })")
        for page in watchers:
            await page.until("seen.at(-1) === argument", argument=count)
    for page in watchers:
        await page.until("db.vehicles.count().then((count) => count === 6)")
    # A delete and a change that takes a row out of the index are seen as well.
    await two.run("await db.vehicles.where('name').equals('bus').delete()")
    await one.run("await db.vehicles.toCollection().modify({ status: 'gone' })")
    for page in watchers:
        await page.until("seen.at(-1) === 0 && db.vehicles.count().then((count) => count === 3)")
    assert [row["status"] for row in await laptop.rows("vehicles")] == ["gone"] * 3


async def test_a_transaction_that_is_rolled_back_leaves_nothing_anywhere(
    device: NewDevice, sync_server: SyncServer
) -> None:
    phone, laptop = await pages(device, sync_server, "rollback", "phone", "laptop")
    await phone.run("await db.vehicles.put({ id: 'kept', name: 'before' })")
    await laptop.until("db.vehicles.get('kept')")
    await phone.until("client.status.pending === 0")
    reason = await phone.run("""
      return db.transaction('rw', db.vehicles, async () => {
        await db.vehicles.add({ name: 'ghost' })
        await db.vehicles.bulkAdd([{ name: 'ghost' }, { name: 'ghost' }])
        await db.vehicles.update('kept', { name: 'haunted' })
        await db.vehicles.delete('kept')
        throw new Error('changed my mind')
      }).catch((error) => error.message)
    """)
    assert reason == "changed my mind"
    assert await phone.run("return db.table('$ops').count()") == 0
    assert (await phone.status())["pending"] == 0
    # What is written after it arrives, and nothing of it before that.
    await phone.run("await db.vehicles.add({ name: 'real' })")
    await phone.when_durable()
    await laptop.until("db.vehicles.where('name').equals('real').count()")
    names = sorted(row["name"] for row in await phone.rows("vehicles"))
    assert names == sorted(row["name"] for row in await laptop.rows("vehicles")) == ["before", "real"]
    document = await committed.document_rows(sync_server.database_url, "rollback")
    assert sorted(row["name"] for row in document.values()) == names


async def test_bulk_operations_arrive_whole(device: NewDevice, sync_server: SyncServer) -> None:
    phone, laptop = await pages(device, sync_server, "bulk", "phone", "laptop")
    await phone.run("""
      const rows = Array.from({ length: 1200 }, (_, i) => ({ name: `v${i}`, group: 'g', odometer_m: i }))
      const keys = await db.vehicles.bulkAdd(rows, { allKeys: true })
      await db.vehicles.bulkUpdate(keys.slice(0, 100).map((key) => ({ key, changes: { status: 'hot' } })))
      await db.vehicles.bulkPut(keys.slice(100, 200).map((id) => ({ id, name: 'replaced' })))
      await db.vehicles.bulkDelete(keys.slice(200, 300))
      await db.vehicles.where('name').equals('v999').modify((row) => { row.tags = ['a', 'b'] })
    """)
    await phone.when_durable()
    rows = await phone.rows("vehicles")
    assert len(rows) == 1100
    assert sum(row.get("status") == "hot" for row in rows) == 100
    assert next(row for row in rows if row["name"] == "replaced").keys() == {"id", "name"}
    await laptop.until("db.vehicles.count().then((count) => count === 1100)")
    assert await laptop.rows("vehicles") == rows
    assert await laptop.run("return db.vehicles.where('tags').equals('b').count()") == 1

    async def in_sql() -> None:
        assert await committed.vehicles(sync_server.database_url, "bulk") == rows

    await eventually(in_sql, within=90)


async def test_a_unique_index_refuses_a_second_row_of_this_device_and_admits_one_of_another(
    device: NewDevice, sync_server: SyncServer
) -> None:
    phone, laptop = await pages(device, sync_server, "unique", "phone", "laptop")
    await laptop.run("globalThis.conflicts = []; client.on('conflict', (found) => conflicts.push(found))")
    await phone.run("await client.disconnect()")
    await phone.run("await db.vehicles.add({ id: 'a', plate: 'M-1' })")
    name = await phone.run("return db.vehicles.add({ id: 'b', plate: 'M-1' }).catch((error) => error.name)")
    assert name == "ConstraintError"
    await laptop.run("await db.vehicles.add({ id: 'c', plate: 'M-1' })")
    await phone.run("await client.connect(argument)", SCHEMA)
    await laptop.until("conflicts.length === 1")
    assert sorted(await laptop.run("return conflicts[0].keys")) == ["a", "c"]
    await phone.until("db.vehicles.count().then((count) => count === 2)")


async def test_generated_ids_are_strings_unique_and_in_the_order_of_creation(
    device: NewDevice, sync_server: SyncServer
) -> None:
    phone, other_tab, laptop = await pages(device, sync_server, "ids", "phone", "phone", "laptop")
    for page in (phone, other_tab, laptop):
        ids = await page.run("""
          const single = []
          for (let i = 0; i < 20; i++) single.push(await db.vehicles.add({ name: 'one by one' }))
          const many = Array.from({ length: 200 }, () => ({ name: 'at once' }))
          const bulk = await db.vehicles.bulkAdd(many, { allKeys: true })
          const row = { name: 'with an id of its own' }
          await db.vehicles.add(row)
          return [...single, ...bulk, row.id]
        """)
        assert all(isinstance(id, str) and len(id) == 26 for id in ids)
        assert sorted(set(ids)) == ids
    for page in (phone, laptop):
        await page.until("db.vehicles.count().then((count) => count === 3 * 221)")


async def test_another_schema_between_two_connects_keeps_rows_and_pending_edits(
    device: NewDevice, sync_server: SyncServer
) -> None:
    phone, laptop = await pages(device, sync_server, "schema", "phone", "laptop")
    await phone.run("await db.vehicles.bulkAdd([{ id: 'v1', driver: 'Ada' }, { id: 'v2', driver: 'Bob' }])")
    await phone.when_durable()
    await phone.run("await client.disconnect()")
    await phone.run("await db.vehicles.update('v1', { driver: 'Cem' })")
    # Another index and another table; an open query of the old schema goes on.
    await phone.run("await client.connect({ vehicles: '++id, driver', drivers: 'id, name' })")
    assert await phone.run("return db.vehicles.where('driver').equals('Cem').primaryKeys()") == ["v1"]
    await phone.run("await db.drivers.add({ id: 'd1', name: 'Cem' })")
    await phone.when_durable()
    await laptop.until("db.vehicles.get('v1').then(({ driver }) => driver === 'Cem')")
    await laptop.run("await client.connect({ drivers: 'id' })")
    await laptop.until("db.drivers.get('d1')")
    # A table that is not mentioned is still there when it is asked for again.
    await laptop.run("await client.connect({ vehicles: '++id', drivers: 'id' })")
    assert [row["id"] for row in await laptop.rows("vehicles")] == ["v1", "v2"]
    # The primary key may change: rows are made again from the document.
    await phone.run("await client.connect({ drivers: 'key, name' })")
    assert await phone.rows("drivers") == [{"key": "d1", "name": "Cem"}]
