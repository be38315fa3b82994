/** A newer version of an app, which has a table more, in a tab beside an older one that leads. */
import { expect, test } from 'vitest'
import type { SyncStatus } from '../../src/status.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()

test('the newer tab leads soon, what both write becomes durable, and until then it claims no more than it knows', async () => {
  const databaseName = 'two-versions'
  const older = page.client({ databaseName })
  await older.connect({ cars: 'id' })
  expect(older.status.leader).toBe(true)

  const newer = page.client({ databaseName, connectTimeoutMs: 20_000 })
  const heard: SyncStatus[] = []
  newer.syncManager.subscribe((status) => heard.push(status))
  await newer.connect({ cars: 'id', trips: 'id' })
  expect(heard.filter(({ leader, synced, phase }) => !leader && (synced || phase === 'live'))).toEqual([])
  await newer.db.trips.add({ id: 'a' })
  expect(newer.status).toMatchObject({ phase: 'live', synced: true, leader: true })
  await newer.whenDurable({ timeout: 20_000 })

  await eventually(() => expect(older.status).toMatchObject({ phase: 'live', synced: true, leader: false }))
  await older.db.cars.add({ id: 'b' })
  await older.whenDurable({ timeout: 20_000 })
  await eventually(async () => expect(await newer.db.cars.count()).toBe(1))
  expect(page.server.open).toHaveLength(1)
  expect(page.errors).toEqual([])
})
