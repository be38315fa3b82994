import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTokenSource, readRetryAfter, TokenFailure, type TokenSource } from '../../src/wire/token.js'

const apiKey = 'whs_live_0123456789abcdef'
const NOW = Date.parse('2026-05-01T12:00:00Z')

let server: Server
let apiUrl: string
let now: number
let answer: (request: IncomingMessage, response: ServerResponse) => void
let requests: { url: string | undefined; authorization: string | undefined; body: string }[]

beforeEach(async () => {
  now = 5_000
  requests = []
  server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    requests.push({ url: request.url, authorization: request.headers.authorization, body })
    answer(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => new Promise((done) => server.close(done)))

const says = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  answer = (_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}
const error = (code: string) => ({ error: { code, message: `${code} for ${apiKey}`, retry: false } })
const source = (): TokenSource => createTokenSource({ apiUrl, apiKey, now: () => now, date: () => NOW })
const failure = async (tokens: TokenSource) => {
  const caught = await tokens.get('connect').catch((error: unknown) => error)
  if (!(caught instanceof TokenFailure)) throw new Error(`no TokenFailure: ${caught}`)
  return caught
}

describe('for a key', () => {
  test('the token is got with the key in a header, and is good for four fifths of its life', async () => {
    says(201, { token: 'tok', expires_at: '2026-05-01T13:00:00Z' })
    expect(await source().get('connect')).toEqual({ value: 'tok', useFor: 2_880_000 })
    expect(requests).toEqual([{ url: '/api/tokens', authorization: `Bearer ${apiKey}`, body: '{}' }])
  })

  test('a reconnect uses the token again while it is good, a refresh never does', async () => {
    says(201, { token: 'first', expires_at: '2026-05-01T12:01:40Z' })
    const tokens = source()
    await tokens.get('connect')
    says(201, { token: 'second', expires_at: '2026-05-01T12:01:40Z' })
    now += 79_000
    expect(await tokens.get('connect')).toEqual({ value: 'first', useFor: 1_000 })
    expect((await tokens.get('refresh')).value).toBe('second')
    now += 80_000
    await tokens.get('connect')
    expect(requests).toHaveLength(3)
  })

  test('an end that a wrong clock makes nonsense of is left to the server', async () => {
    says(201, { token: 'tok', expires_at: '2026-05-01T11:00:00Z' })
    expect(await source().get('connect')).toEqual({ value: 'tok', useFor: null })
  })

  test.each([
    [401, 'key_revoked', 'auth'],
    [403, 'not_allowed', 'forbidden'],
    [400, 'invalid_request', 'forbidden'],
    [426, 'client_too_old', 'outdated'],
    [429, 'too_many_requests', 'rate-limited'],
    [503, 'store_unavailable', 'maintenance'],
    [500, 'internal', 'offline'],
  ])('HTTP %i %s is %s, and the key stays out of the message', async (status, code, kind) => {
    says(status, error(code), { 'Retry-After': '7' })
    const caught = await failure(source())
    expect(caught).toMatchObject({ kind, retryAfter: 7_000 })
    expect(caught.message).not.toContain(apiKey)
  })

  test.each([
    [200, 'offline'],
    [401, 'offline'],
    [403, 'offline'],
    [511, 'offline'],
    [429, 'rate-limited'],
    [503, 'maintenance'],
  ])('HTTP %i with a page of HTML says nothing about the key: %s', async (status, kind) => {
    says(status, '<html>Welcome to our hotel</html>', { 'Content-Type': 'text/html' })
    expect((await failure(source())).kind).toBe(kind)
  })

  test('the key does not follow a redirect', async () => {
    says(307, '', { Location: `${apiUrl}/login` })
    expect((await failure(source())).kind).toBe('offline')
    expect(requests).toHaveLength(1)
  })

  test('no answer is offline', async () => {
    answer = (request) => request.socket.destroy()
    expect((await failure(source())).kind).toBe('offline')
  })
})

describe('from the app', () => {
  const from = (getToken: (context: { reason: string }) => Promise<string>) =>
    createTokenSource({ apiUrl, apiKey, getToken, now: () => now })

  test('the token is asked for each time, with the reason', async () => {
    const reasons: string[] = []
    const tokens = from(async ({ reason }) => `token ${reasons.push(reason)}`)
    expect(await tokens.get('connect')).toEqual({ value: 'token 1', useFor: null })
    expect(await tokens.get('refresh')).toEqual({ value: 'token 2', useFor: null })
    expect(reasons).toEqual(['connect', 'refresh'])
    expect(requests).toEqual([])
  })

  test('an error is read by its status, and is offline without one', async () => {
    const failing = (error: unknown) => failure(from(() => Promise.reject(error)))
    expect((await failing(Object.assign(new Error('no'), { status: 401 }))).kind).toBe('auth')
    expect((await failing({ response: { status: 403 } })).kind).toBe('forbidden')
    expect((await failing(new TypeError('fetch failed'))).kind).toBe('offline')
    expect((await failing(undefined)).kind).toBe('offline')
  })

  test('something that is no token is a mistake of the app', async () => {
    expect((await failure(from(async () => ''))).kind).toBe('auth')
  })
})

test('Retry-After is read in seconds and as a date', () => {
  expect(readRetryAfter('3')).toBe(3_000)
  expect(readRetryAfter(new Date(Date.now() - 10_000).toUTCString())).toBe(0)
  expect(readRetryAfter(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000)
  for (const value of [null, '', 'soon']) expect(readRetryAfter(value)).toBeNull()
})
