/** A map that was seen once is there again without a network. */
import { expect, test } from 'vitest'
import { LatestPositions } from '../../src/positions/latest.js'
import { LatestMemory } from '../../src/positions/latest-memory.js'
import type { Position } from '../../src/positions/position.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { eventually } from '../eventually.js'
import { storeOf } from '../support/device.js'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute))
const position = (vehicleId: string, minute: number): Position => ({
  ...{ vehicleId, deviceId: 'box', at: at(minute), latitude: 30.25, longitude: -97.75 },
})

function newTab(store: DeviceStore) {
  const away = { url: '', token: async () => '', connected: () => new Promise<void>(() => undefined) }
  const latest = new LatestPositions(away)
  return {
    latest,
    memory: new LatestMemory({ transact: (work) => store.record(work), installId: () => 'box' }, latest),
  }
}

test('what was seen last is known after a reload, and newer positions stay', async () => {
  const store = await storeOf('++id')
  const before = newTab(store)
  before.latest.merge([position('one', 1), position('two', 5)])
  before.memory.note()
  await eventually(async () => expect(await store.db.table('$state').get('latest')).toBeDefined())

  const after = newTab(store)
  after.latest.merge([position('one', 9)])
  await after.memory.recall()
  expect([...after.latest.positions.values()].map(({ vehicleId, at }) => [vehicleId, at])).toEqual([
    ['one', at(9)],
    ['two', at(5)],
  ])
})

test('a device that has seen nothing remembers nothing', async () => {
  const { latest, memory } = newTab(await storeOf('++id'))
  await memory.recall()
  expect(latest.positions.size).toBe(0)
})
