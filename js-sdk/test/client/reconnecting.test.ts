/** What goes on after disconnect() and another connect(), with what the app holds in its hands already. */
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import type { Position } from '../../src/positions/position.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()
const SCHEMA = { cars: 'id, n' }

test('who follows the newest positions hears of them again', async () => {
  const streams: ServerResponse[] = []
  page.server.answerRequest = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    streams.push(response)
  }
  const client = page.client()
  let heard: ReadonlyMap<string, Position> = new Map()
  await client.connect(SCHEMA)
  const stop = client.positions.followLatest((positions) => {
    heard = positions
  })
  await eventually(() => expect(streams).toHaveLength(1))
  await client.disconnect()
  await client.connect(SCHEMA)
  await eventually(() => expect(streams).toHaveLength(2))
  const position = {
    vehicle_id: 'bus-1',
    device_id: 'box',
    latitude: 48,
    longitude: 11,
    time: '2026-05-01T00:00:00Z',
  }
  streams[1]?.write(`event: latest\nid: 1\ndata: ${JSON.stringify([position])}\n\n`)
  await eventually(() => expect([...heard.keys()]).toEqual(['bus-1']))
  stop()
})

/** Rooms as the server keeps them: everybody hears what is said. */
function relayPresence(): void {
  page.server.react = (frame) => {
    page.server.serve(frame)
    if (frame.kind !== 'presence') return
    for (const client of page.server.open) {
      if (client !== frame.from) client.presence(frame.document, frame.bytes)
    }
  }
}

test('a room stays joined, and what was said in it is said again', async () => {
  relayPresence()
  const [ada, bob] = [page.client(), page.client()]
  await Promise.all([ada.connect(SCHEMA), bob.connect(SCHEMA)])
  const [atAda, atBob] = [ada.presence('v/1'), bob.presence('v/1')]
  await eventually(() => expect(page.server.of('auth', 'presence/v/1')).toHaveLength(2))
  await eventually(() => {
    atAda.set({ name: 'Ada' })
    expect(atBob.others.map(({ state }) => state)).toEqual([{ name: 'Ada' }])
  })
  await ada.disconnect()
  await eventually(() => expect(atBob.others).toEqual([]))
  await ada.connect(SCHEMA)
  await eventually(() => expect(atBob.others.map(({ state }) => state)).toEqual([{ name: 'Ada' }]))
  atAda.set({ name: 'Ada L.' })
  await eventually(() => expect(atBob.others.map(({ state }) => state)).toEqual([{ name: 'Ada L.' }]))
})

test('what was said while disconnected is what others hear', async () => {
  relayPresence()
  const [ada, bob] = [page.client(), page.client()]
  await Promise.all([ada.connect(SCHEMA), bob.connect(SCHEMA)])
  const [atAda, atBob] = [ada.presence('v/1'), bob.presence('v/1')]
  await eventually(() => expect(page.server.of('auth', 'presence/v/1')).toHaveLength(2))
  atAda.set({ name: 'Ada' })
  await ada.disconnect()
  atAda.set({ name: 'Ada, back' })
  expect(atAda.others).toEqual([])
  await ada.connect(SCHEMA)
  await eventually(() => expect(atBob.others.map(({ state }) => state)).toEqual([{ name: 'Ada, back' }]))
})
