/** What the status says of pending edits, at every moment: a real store and a real connection. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { eventually } from '../eventually.js'
import { openTab, type TestTab } from './tab.js'

let tab: TestTab
let holdsBack: boolean

beforeEach(async () => {
  holdsBack = false
  tab = await openTab((frame, server) => {
    if (frame.kind !== 'update' || !holdsBack) server.serve(frame)
  })
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
})

afterEach(() => tab.close())

const cars = () => tab.store.db.table('cars')
const saved = () => eventually(() => expect(tab.board.status.pending).toBe(0))

test('a write is pending from the moment in which its promise resolves', async () => {
  for (let i = 0; i < 8; i++) {
    await cars().add({ name: 'car' })
    expect(tab.board.status).toMatchObject({ pending: expect.any(Number) })
    expect(tab.board.status.pending).toBeGreaterThan(0)
    expect(tab.board.status.oldestPendingAt).toBeInstanceOf(Date)
    await saved()
    const fix = prepareFix('box', { vehicleId: 'v', latitude: 1, longitude: 2 }, Date.now())
    await tab.store.record((tx) => addFix(tx, fix))
    expect(tab.board.status.pending).toBeGreaterThan(0)
    await saved()
    expect(tab.board.status.oldestPendingAt).toBeNull()
  }
})

test('it never falls to 0 before the server has answered for the last of many writes', async () => {
  holdsBack = true
  let isFirst = true
  const wrong: number[] = []
  tab.board.subscribe(({ pending }) => pending === 0 && !isFirst && wrong.push(pending))
  for (let i = 0; i < 50; i++) {
    await cars().add({ name: 'car' })
    isFirst = false
    if (i % 10 === 0) await cars().bulkAdd([{ name: 'bus' }, { name: 'van' }])
  }
  await eventually(() => expect(tab.board.status.pending).toBe(60))
  expect(wrong).toEqual([])
})
