/** The store of a device is deleted while a client has it open. */
import { forceCloseDatabase } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import type { WebHostClient } from '../../src/client.js'
import { StoreDeleted } from '../../src/errors.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()
const SCHEMA = { cars: 'id, n' }
const FIX = { vehicleId: 'bus-1', latitude: 48, longitude: 11 }

/** Delete a database as another tab would. */
function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}

function losses(client: WebHostClient): unknown[] {
  const heard: unknown[] = []
  client.on('device-lost', ({ pending }) => heard.push(pending))
  return heard
}

test('another tab deletes it: told at once, and nothing is written any more, nor begun anew', async () => {
  page.server.react = () => {}
  const client = page.client({ connectTimeoutMs: 0 })
  const heard = losses(client)
  await client.connect(SCHEMA)
  await client.db.cars.bulkAdd([{ id: 'a' }, { id: 'b' }])
  await eventually(() => expect(client.status.pending).toBe(2))
  await deleteDatabase(client.db.name)
  await eventually(() => expect(heard).toEqual([2]))
  expect(client.status).toMatchObject({ phase: 'blocked', pending: 0, connected: false, leader: false })
  expect(client.status.blocked).toMatchObject({
    code: 'device-lost',
    hint: expect.stringContaining('reload'),
  })
  await expect(client.db.cars.add({ id: 'c' })).rejects.toMatchObject({ inner: { code: 'store_deleted' } })
  await expect(client.db.cars.count()).rejects.toThrow('deleted, by the browser or by another tab')
  await expect(client.positions.record(FIX)).rejects.toThrow(StoreDeleted)
  await expect(client.whenDurable()).rejects.toThrow(StoreDeleted)
  await expect(client.exportPending()).rejects.toThrow(StoreDeleted)
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(client.db.name)
  expect(heard).toHaveLength(1)
  expect(page.errors).toEqual([])
})

test('connected again it is another device, which counts its positions from one', async () => {
  const client = page.client()
  await client.connect(SCHEMA)
  const { installId } = await client.inspect()
  await client.positions.record(FIX)
  await deleteDatabase(client.db.name)
  await eventually(() => expect(client.status.blocked?.code).toBe('device-lost'))
  await client.connect(SCHEMA)
  expect(client.status).toMatchObject({ phase: 'live', blocked: null })
  expect((await client.inspect()).installId).not.toBe(installId)
  await client.db.cars.add({ id: 'a', n: 1 })
  await client.positions.record(FIX)
  expect(await client.positions.recorded('bus-1')).toBe(1)
  await client.whenDurable({ timeout: 20_000 })
})

test('the browser throws it away with the connection: the client looks at once', async () => {
  const client = page.client()
  const heard = losses(client)
  await client.connect(SCHEMA)
  const connection = client.db.backendDB()
  const { name } = client.db
  // As Chromium does: the connection is closed by force, and the database is gone.
  const gone = deleteDatabase(name)
  forceCloseDatabase(connection as never)
  await gone
  await eventually(() => expect(heard).toEqual([0]))
  await expect(client.db.cars.add({ id: 'a' })).rejects.toThrow('by another tab')
})

test('a store that another tab has begun anew is not written to under the old name', async () => {
  const databaseName = 'begun-anew'
  const here = page.client({ databaseName })
  await here.connect(SCHEMA)
  const there = page.client({ databaseName })
  await there.connect(SCHEMA)
  await there.deleteLocalData({ evenIfPending: true })
  await there.connect(SCHEMA)
  await eventually(() => expect(here.status.blocked?.code).toBe('device-lost'))
  await expect(here.db.cars.add({ id: 'a' })).rejects.toThrow('by another tab')
  await expect(here.positions.record(FIX)).rejects.toThrow(StoreDeleted)
  await there.db.cars.add({ id: 'b' })
  expect(await there.db.cars.count()).toBe(1)
  await here.connect(SCHEMA)
  expect((await here.inspect()).installId).toBe((await there.inspect()).installId)
  expect(await here.db.cars.count()).toBe(1)
})

test('a connection that the browser closes alone is opened again, and nothing is lost', async () => {
  const client = page.client()
  const heard = losses(client)
  await client.connect(SCHEMA)
  await client.db.cars.add({ id: 'a' })
  forceCloseDatabase(client.db.backendDB() as never)
  await eventually(() => expect(client.db.isOpen()).toBe(true))
  await client.db.cars.add({ id: 'b' })
  expect(await client.db.cars.count()).toBe(2)
  await client.whenDurable({ timeout: 20_000 })
  expect(heard).toEqual([])
})
