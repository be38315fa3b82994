/** What a client says of the state of things, and to whom. */
import { expect, test } from 'vitest'
import { generateId } from '../../src/ids.js'
import type { SyncStatus } from '../../src/status.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()
const SCHEMA = { cars: 'id, n' }
const newCar = () => ({ id: generateId(), n: 1 })

test('who has just written never reads that nothing is pending', async () => {
  const client = page.client()
  await client.connect(SCHEMA)
  for (let write = 0; write < 20; write++) {
    await client.db.cars.add(newCar())
    expect(client.status.pending).toBeGreaterThan(0)
    expect(client.status.oldestPendingAt).not.toBeNull()
    if (write % 5 === 0) await client.whenDurable()
  }
  await client.positions.record({ vehicleId: 'bus-1', latitude: 48, longitude: 11 })
  expect(client.status.pending).toBeGreaterThan(0)
  await client.whenDurable()
  await eventually(() => expect(client.status.pending).toBe(0))
})

test('writes are counted while disconnected, and waiting for them asks the database only when it has changed', async () => {
  const client = page.client()
  await client.connect(SCHEMA)
  await client.disconnect()
  await client.db.cars.bulkAdd([newCar(), newCar()])
  await eventually(() => expect(client.status.pending).toBe(2))
  let transactions = 0
  const { transaction } = client.db
  Object.assign(client.db, {
    transaction(...rest: unknown[]) {
      transactions += 1
      return Reflect.apply(transaction, client.db, rest)
    },
  })
  await expect(client.whenDurable({ timeout: 100 })).rejects.toThrow('2 edits')
  expect(transactions).toBeLessThan(5)
  const durable = client.whenDurable({ timeout: 20_000 })
  await client.connect(SCHEMA)
  await durable
})

test('while the storage fails no connection is claimed', async () => {
  const client = page.client()
  await client.connect(SCHEMA)
  const statuses: SyncStatus[] = []
  client.syncManager.subscribe((status) => statuses.push(status))
  const { transaction } = client.db
  const failing = (mode: string, ...rest: unknown[]) =>
    mode === 'rw!'
      ? Promise.reject(new Error('The disk is full.'))
      : Reflect.apply(transaction, client.db, [mode, ...rest])
  Object.assign(client.db, { transaction: failing })
  await client.db.cars.add(newCar())
  await eventually(() => expect(page.errors.map(String)).toContain('Error: The disk is full.'))
  expect(client.status).toMatchObject({ phase: 'connecting', connected: false })
  Object.assign(client.db, { transaction })
  await client.whenDurable({ timeout: 20_000 })
  await eventually(() => expect(client.status).toMatchObject({ phase: 'live', connected: true }))
})

test('a listener of the app that throws stops neither the others nor the syncing', async () => {
  const client = page.client()
  const thrown: unknown[] = []
  const report = (error: unknown) => thrown.push(error)
  Object.assign(globalThis, { reportError: report })
  const stopListening = [
    client.syncManager.subscribe(() => {
      throw new TypeError('no such element')
    }),
    client.positions.followLatest(() => {
      throw new TypeError('no such map')
    }),
  ]
  try {
    const heard: SyncStatus[] = []
    client.syncManager.subscribe((status) => heard.push(status))
    await client.connect(SCHEMA)
    await client.db.cars.add(newCar())
    await client.positions.record({ vehicleId: 'bus-1', latitude: 48, longitude: 11 })
    await client.whenDurable({ timeout: 20_000 })
    expect(heard.at(-1)?.phase).toBe('live')
    expect(thrown.map(String)).toEqual(
      expect.arrayContaining(['TypeError: no such element', 'TypeError: no such map']),
    )
    expect(page.errors).toEqual([])
  } finally {
    for (const stop of stopListening) stop()
    Reflect.deleteProperty(globalThis, 'reportError')
  }
})
