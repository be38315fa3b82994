/** When a client begins and ends, in whatever order an app asks for it. */
import { expect, test } from 'vitest'
import { NotDurable } from '../../src/errors.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()
const SCHEMA = { cars: 'id, n' }

test('two connects at once make one connection, and disconnect ends it', async () => {
  const client = page.client()
  await Promise.all([client.connect(SCHEMA), client.connect(SCHEMA)])
  expect(page.server.open).toHaveLength(1)
  await client.disconnect()
  await eventually(() => expect(page.server.open).toHaveLength(0))
  expect(client.status).toMatchObject({ phase: 'offline', connected: false })
})

test('close while connect is on its way leaves nothing behind', async () => {
  const client = page.client()
  const connecting = client.connect(SCHEMA)
  await client.close()
  await connecting
  await eventually(() => expect(page.server.open).toHaveLength(0))
  expect(client.status).toMatchObject({ phase: 'closed', connected: false })
  expect(client.db.isOpen()).toBe(false)
})

test('connect, close and connect without waiting end connected', async () => {
  const client = page.client()
  await Promise.all([client.connect(SCHEMA), client.close(), client.connect(SCHEMA)])
  await client.db.cars.add({ id: 'a', n: 1 })
  await client.whenDurable({ timeout: 20_000 })
  expect(page.server.open).toHaveLength(1)
})

test('close does not wait for a server that is silent', async () => {
  page.server.react = () => {}
  const client = page.client({ connectTimeoutMs: 60_000 })
  const connecting = client.connect(SCHEMA)
  await eventually(() => expect(page.server.of('auth')).toHaveLength(1))
  await client.close()
  await connecting
})

test('a connect that needs the server and fails leaves the one after it alone', async () => {
  const error = { code: 'not_authenticated', message: 'No.' }
  page.server.answerToken = (response) => page.server.json(response, 401, { error })
  const client = page.client()
  const failing = client.connect(SCHEMA, { requireOnline: true })
  const later = client.connect(SCHEMA)
  await expect(failing).rejects.toThrow('the server can not be reached')
  await later
  expect(client.status).toMatchObject({ phase: 'blocked' })
})

test('edits of an earlier session are not deleted before connect unless that is said to be right', async () => {
  page.server.react = () => {}
  const databaseName = 'earlier'
  const earlier = page.client({ databaseName, connectTimeoutMs: 50 })
  await earlier.connect(SCHEMA)
  await earlier.db.cars.add({ id: 'a', n: 1 })
  await earlier.close()
  await expect(earlier.deleteLocalData({ evenIfPending: false })).rejects.toThrow(NotDurable)

  const client = page.client({ databaseName, connectTimeoutMs: 50 })
  await expect(client.deleteLocalData({ evenIfPending: false })).rejects.toThrow(NotDurable)
  await client.connect(SCHEMA)
  expect(await client.db.cars.count()).toBe(1)
  await client.deleteLocalData({ evenIfPending: true })
  await client.deleteLocalData({ evenIfPending: false })
  await client.connect(SCHEMA)
  expect(await client.db.cars.count()).toBe(0)
})

test('where the edits can not be counted nothing is deleted', async () => {
  const client = page.client()
  await client.connect(SCHEMA)
  await client.close()
  const open = indexedDB.open
  indexedDB.open = () => {
    throw new Error('The disk is away.')
  }
  try {
    await expect(client.deleteLocalData({ evenIfPending: false })).rejects.toThrow("can't be opened")
  } finally {
    indexedDB.open = open
  }
  expect((await indexedDB.databases()).map(({ name }) => name)).toContain(client.db.name)
})

test('edits of an earlier session are pending from the moment in which connect is done', async () => {
  page.server.react = () => {}
  const databaseName = 'after-a-night'
  const earlier = page.client({ databaseName, connectTimeoutMs: 50 })
  await earlier.connect(SCHEMA)
  await earlier.db.cars.bulkAdd([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
  await earlier.close()
  const later = page.client({ databaseName, connectTimeoutMs: 0 })
  await later.connect(SCHEMA)
  expect(later.status.pending).toBe(3)
})
