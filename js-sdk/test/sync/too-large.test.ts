/** What is above the server's limit must not stand in the way of the rest: a real store and a real connection. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { eventually } from '../eventually.js'
import { openTab, type TestTab } from './tab.js'

/** What `SyncServer` says of itself. */
const FRAME_LIMIT = 1_000_000

let tab: TestTab

beforeEach(async () => {
  tab = await openTab((frame, server) => {
    // As the real one does: the protocol of WebSockets leaves no other answer.
    if (frame.bytes.byteLength > FRAME_LIMIT) frame.from.socket.close(1009)
    else server.serve(frame)
  })
})

afterEach(() => tab.close())

const cars = () => tab.store.db.table('cars')
const pending = async () => (await tab.store.pending()).edits

test('a row above the limit goes to the shelf, and the others to the server', async () => {
  await cars().add({ id: 1, photo: new Uint8Array(FRAME_LIMIT) })
  await cars().add({ id: 2 })
  tab.start()
  await eventually(async () => expect(await pending()).toBe(0))
  const [edit, ...others] = await tab.store.rejectedEdits()
  expect(edit).toMatchObject({ table: 'cars', key: 1, reason: { code: 'too_large' } })
  expect(others).toEqual([])
  expect(tab.server.clients).toHaveLength(1)
})

test('so it does when it was made before the limit was known', async () => {
  await tab.store.lead()
  await tab.store.replica('cars').adopt('e1')
  await cars().add({ id: 1, photo: new Uint8Array(FRAME_LIMIT) })
  await tab.store.replica('cars').fold(1000)
  await cars().add({ id: 2 })
  await tab.store.replica('cars').fold(1000)
  tab.start()
  await eventually(async () => expect(await pending()).toBe(0))
  expect((await tab.store.rejectedEdits()).map(({ key }) => key)).toEqual([1])
  expect(await cars().toCollection().primaryKeys()).toEqual([2])
  expect(tab.server.clients).toHaveLength(1)
})

test('positions with large attributes become durable in pieces that fit', async () => {
  const now = Date.now()
  for (let n = 1; n <= 30; n++) {
    const position = {
      vehicleId: 'bus',
      at: now + n,
      latitude: n,
      longitude: 0,
      attributes: { can: 'x'.repeat(50_000) },
    }
    await tab.store.record((tx) => addFix(tx, prepareFix('box', position, now)))
  }
  tab.start()
  await eventually(async () => expect(await pending()).toBe(0))
  expect(await tab.store.shelved()).toBe(0)
  expect(tab.server.clients).toHaveLength(1)
})
