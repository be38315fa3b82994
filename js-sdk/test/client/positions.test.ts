/** Positions as an app reads them, and gives them a second chance. */
import { expect, test } from 'vitest'
import { decodeChunk } from '../../src/layout/chunk.js'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()
const FROM = new Date(1_700_000_000_000)
const TO = new Date(1_700_000_100_000)
const fix = (vehicleId: string, seconds: number) => ({
  vehicleId,
  latitude: 48,
  longitude: 11,
  at: FROM.getTime() + seconds * 1000,
})

test('a range without the server has all that is not durable, also what is on its way', async () => {
  page.server.react = (frame) => {
    if (frame.kind !== 'update') page.server.serve(frame)
  }
  const client = page.client()
  await client.connect({})
  for (const seconds of [1, 2]) await client.positions.record(fix('bus/1', seconds))
  await client.positions.record(fix('bus/10', 1))
  await eventually(() => expect(page.server.of('update')).toHaveLength(2))
  await client.disconnect()
  await client.positions.record(fix('bus/1', 3))
  const way = await client.positions.range('bus/1', FROM, TO)
  expect(way.map(({ at }) => (at.getTime() - FROM.getTime()) / 1000)).toEqual([1, 2, 3])
})

test('a range that loses the server half way fails, instead of looking whole', async () => {
  const item = {
    vehicle_id: 'bus-1',
    device_id: 'box',
    latitude: 48,
    longitude: 11,
    time: FROM.toISOString(),
  }
  page.server.answerRequest = ({ url }, response) => {
    if (url?.includes('cursor=')) response.destroy()
    else page.server.json(response, 200, { items: [item], next_cursor: 'more' })
  }
  const client = page.client()
  await client.connect({})
  await expect(client.positions.range('bus-1', FROM, TO)).rejects.toMatchObject({
    name: 'ServerError',
    code: 'offline',
  })
})

test('refused positions can be tried again, and leave the shelf', async () => {
  let refuses = true
  page.server.react = (frame) => {
    if (frame.kind === 'update' && refuses) frame.from.refuse(frame.document, 'not_allowed')
    else page.server.serve(frame)
  }
  const client = page.client()
  await client.connect({})
  await client.positions.record(fix('bus-1', 1))
  const [edit] = await eventually(async () => {
    const edits = await client.syncManager.rejectedEdits()
    expect(edits).toHaveLength(1)
    return edits
  })
  const exported = JSON.parse(await (await client.exportPending()).text())
  expect(exported.shelf[0].document).toMatch(/^track\/bus-1\//)
  refuses = false
  const before = page.server.of('update').length
  await client.syncManager.retry([edit?.id as number])
  await client.whenDurable({ timeout: 20_000 })
  expect(await client.syncManager.rejectedEdits()).toEqual([])
  expect(page.server.of('update').length).toBeGreaterThan(before)
  expect(decodeChunk(edit?.fields['chunk'] as Uint8Array)).toHaveLength(1)
})
