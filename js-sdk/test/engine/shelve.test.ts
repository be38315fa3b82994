import { expect, it } from 'vitest'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { storeOf } from '../support/device.js'
import { TestServer } from '../support/server.js'
import { settle, Tab } from '../support/tab.js'
import { readDisk } from '../support/view.js'

// biome-ignore lint/suspicious/noExplicitAny: tables of tests hold whatever a test needs
const cars = (store: DeviceStore) => store.db.table<any, any>('cars')

async function tab(server: TestServer): Promise<Tab> {
  const store = await storeOf('id, n')
  await store.lead()
  return new Tab(store, server, 10_000)
}

it('shows no rows of others that can only be read with what was shelved, until the server gives it back', async () => {
  const server = new TestServer()
  const [mine, other] = [await tab(server), await tab(server)]
  await settle(server, [mine, other])
  await cars(mine.store).add({ id: 'a', n: 1 })
  await mine.flush()
  server.serve(mine.link as never)
  mine.cut() // the server has it, and we don't know
  await settle(server, [other])
  await other.store.db.transaction('rw', 'cars', async () => {
    await cars(other.store).update('a', { n: 2 })
    await cars(other.store).add({ id: 'z', n: 3 })
  })
  await settle(server, [other])
  await mine.connect()
  for (let message = 0; message < 2; message++) await mine.pump() // up to what the others have written
  expect((await readDisk(mine.store)).shown).toEqual({ a: { n: 2 }, z: { n: 3 } })
  await mine.replica.shelve({ code: 'not_allowed', message: 'No.' })
  const { shown, expected } = await readDisk(mine.store)
  expect(shown).toEqual(expected)
  mine.cut()
  await settle(server, [mine, other])
  expect((await readDisk(mine.store)).shown).toEqual(server.rows())
  expect(server.rows()).toEqual({ a: { n: 2 }, z: { n: 3 } })
})
