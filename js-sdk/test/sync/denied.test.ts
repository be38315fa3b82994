/** What a tab shows while the server keeps it out of a table: a real store and a real connection. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { openTab, type TestTab } from './tab.js'

let tab: TestTab
let answer: { code: string; retry: boolean } | null

beforeEach(async () => {
  answer = null
  tab = await openTab((frame, server) => {
    if (frame.kind === 'auth' && answer) frame.from.deny(frame.document, answer.code, answer.retry)
    else server.serve(frame)
  })
})

afterEach(() => tab.close())

test.each([
  ['too_many_requests', 'rate-limited'],
  ['store_unavailable', 'maintenance'],
])('%s is shown as blocked, and passes by itself', async (code, shown) => {
  answer = { code, retry: true }
  tab.start()
  await eventually(() => expect(tab.board.status.blocked?.code).toBe(shown))
  expect(tab.board.status).toMatchObject({ phase: 'blocked', connected: true, synced: false, readOnly: [] })
  answer = null
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  expect(tab.board.status).toMatchObject({ blocked: null, synced: true })
})

test('what is held is shown while the table can be read, and passes by itself', async () => {
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  const connection = tab.server.open.at(-1)
  const message = 'moving the database'
  connection?.say('tables/cars', { webhost: 'held', code: 'maintenance', message, retry: true })
  await eventually(() => expect(tab.board.status.blocked?.code).toBe('maintenance'))
  expect(tab.board.status).toMatchObject({ phase: 'blocked', connected: true, synced: true })
  expect(tab.board.status.blocked?.hint).toBe(`tables/cars: ${message}`)
  connection?.close('tables/cars')
  await eventually(() => expect(tab.board.status).toMatchObject({ phase: 'live', blocked: null }))
})

test('a missing right is no reason to wait: the table is read-only', async () => {
  answer = { code: 'not_allowed', retry: false }
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  expect(tab.board.status).toMatchObject({ blocked: null, readOnly: ['cars'] })
  answer = null
  tab.tab.retry()
  await eventually(() => expect(tab.board.status.readOnly).toEqual([]))
})

test('without a right edits go to the shelf with the reason, those from before and those that come', async () => {
  answer = { code: 'not_allowed', retry: false }
  const { store } = tab
  const cars = store.db.table('cars')
  const before = await cars.add({ n: 1 })
  await cars.update(before, { n: 2 })
  tab.start()
  await eventually(async () => expect(await store.shelved()).toBe(1))
  await cars.add({ n: 3 })
  await eventually(async () => expect(await store.shelved()).toBe(2))
  expect((await store.pending()).edits).toBe(0)
  expect(await cars.count()).toBe(0)
  const rejected = await store.rejectedEdits()
  expect(rejected.map(({ kind, fields, reason }) => [kind, fields, reason.code])).toEqual([
    ['add', { n: 2 }, 'not_allowed'],
    ['add', { n: 3 }, 'not_allowed'],
  ])

  answer = null
  tab.tab.retry()
  await eventually(() => expect(tab.board.status.readOnly).toEqual([]))
  await store.retry(rejected.map(({ id }) => id))
  await eventually(async () => expect((await store.pending()).edits).toBe(0))
  expect(await cars.count()).toBe(2)
  expect(await store.shelved()).toBe(0)
})
