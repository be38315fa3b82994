/** Positions on their way: one tab with a real store and a real connection, to a server that takes everything. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import type { SyncStatus } from '../../src/status.js'
import { eventually } from '../eventually.js'
import { openTab, type TestTab } from './tab.js'

let tab: TestTab
let statuses: SyncStatus[]

let isKeptOut: (document: string) => boolean

beforeEach(async () => {
  isKeptOut = () => false
  tab = await openTab((frame, server) => {
    if (frame.kind === 'auth' && isKeptOut(frame.document))
      frame.from.deny(frame.document, 'document_not_found')
    else server.serve(frame)
  })
  statuses = []
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  tab.board.subscribe((status) => statuses.push(status))
})

afterEach(() => tab.close())

let minute = 0

/** Record a fix of each vehicle. */
async function record(...vehicles: string[]): Promise<void> {
  const now = Date.now()
  minute += 1
  for (const vehicleId of vehicles) {
    const position = { vehicleId, latitude: 48, longitude: 11 + minute / 1e4, at: now + minute }
    await tab.store.record((tx) => addFix(tx, prepareFix('box', position, now)))
  }
}

/** Record a fix of each vehicle and wait until all are durable. */
async function drive(...vehicles: string[]): Promise<void> {
  await record(...vehicles)
  await eventually(async () => expect((await tab.store.pending()).edits).toBe(0))
}

const vehicleOf = (document: string) => document.split('/')[1] as string

/** Client ids that have written to the vehicle's track. */
const writers = (vehicle: string) =>
  new Set(
    tab.server
      .of('update')
      .filter(({ document }) => document.startsWith('track/') && vehicleOf(document) === vehicle)
      .flatMap(({ bytes }) => [...Y.parseUpdateMeta(bytes).to.keys()]),
  )

const visits = (vehicle: string) =>
  tab.server
    .of('auth')
    .filter(({ document }) => document.startsWith('track/') && vehicleOf(document) === vehicle)

test('a vehicle on its way is asked for once, and writes under one client id', async () => {
  for (let fix = 0; fix < 5; fix++) await drive('bus-1')
  expect(tab.server.of('update').length).toBeGreaterThanOrEqual(5)
  expect(visits('bus-1')).toHaveLength(1)
  expect(writers('bus-1').size).toBe(1)
})

test('more vehicles than have room take turns, and each writes under one client id', async () => {
  const fleet = Array.from({ length: 9 }, (_, index) => `bus-${index}`)
  for (let fix = 0; fix < 3; fix++) await drive(...fleet)
  for (const vehicle of fleet) expect(writers(vehicle).size).toBe(1)
})

test('the tables are live all the while', async () => {
  await drive('bus-1', 'bus-2')
  await drive('bus-1', 'bus-2')
  expect(new Set(statuses.map(({ phase }) => phase))).toEqual(new Set(['live']))
  expect(tab.board.status.readOnly).toEqual([])
})

test('tracks that the server keeps out take no place from the others, and are asked for again when told to', async () => {
  isKeptOut = (document) => document.startsWith('track/lost')
  await record('lost-1', 'lost-2', 'lost-3', 'lost-4', 'lost-5', 'bus-1')
  await eventually(async () => expect((await tab.store.pending()).edits).toBe(5))
  expect(visits('bus-1')).toHaveLength(1)
  isKeptOut = () => false
  tab.tab.retry()
  await eventually(async () => expect((await tab.store.pending()).edits).toBe(0))
})

test('they are asked for again with a new connection, too', async () => {
  isKeptOut = (document) => document.startsWith('track/lost')
  await record('lost-1', 'lost-2', 'lost-3', 'lost-4', 'lost-5')
  await eventually(() => expect(visits('lost-5')).toHaveLength(1))
  isKeptOut = () => false
  tab.server.open[0]?.socket.terminate()
  await eventually(async () => expect((await tab.store.pending()).edits).toBe(0))
})
