/** A client without tables has nothing to connect for, until it has positions or somebody joins a room. */
import { expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()

test('connect without tables does not wait, and claims no connection', async () => {
  const client = page.client({ connectTimeoutMs: 60_000 })
  await client.connect({})
  expect(client.status).toMatchObject({ phase: 'live', connected: false, pending: 0 })
  expect(page.server.clients).toHaveLength(0)
  await client.positions.record({ vehicleId: 'bus-1', latitude: 48, longitude: 11 })
  await client.whenDurable({ timeout: 20_000 })
  await eventually(() => expect(client.status).toMatchObject({ phase: 'live', connected: true }))
})

test('the newest positions are followed without a connection for tables', async () => {
  const asked: (string | undefined)[] = []
  page.server.answerRequest = ({ url }, response) => {
    asked.push(url)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
  }
  const client = page.client()
  await client.connect({})
  const stop = client.positions.followLatest(() => {})
  await eventually(() => expect(asked).toEqual(['/api/positions/live']))
  stop()
})

test('requireOnline without tables is kept by asking for a token', async () => {
  await expect(page.client().connect({}, { requireOnline: true })).resolves.toBeDefined()
  expect(page.server.tokenRequests).toBe(1)
  const error = { code: 'not_authenticated', message: 'No.' }
  page.server.answerToken = (response) => page.server.json(response, 401, { error })
  const refused = page.client().connect({}, { requireOnline: true })
  await expect(refused).rejects.toMatchObject({ name: 'ServerError', code: 'auth' })
})
