import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Attachment, DocumentHandler, Link, LinkState } from '../../src/contract.js'
import type { DeviceSignal } from '../../src/wire/environment.js'
import { createLink, type LinkOptions } from '../../src/wire/link.js'
import { createTokenSource } from '../../src/wire/token.js'
import { eventually } from '../eventually.js'
import { SyncServer } from './sync-server.js'

let server: SyncServer
let link: Link
let states: LinkState[]
let reports: string[]
let signal: (signal: DeviceSignal) => void

/** A device's document: holds what is not durable, and sends it whenever the server has spoken. */
class Desk implements DocumentHandler {
  readonly pending = new Map<number, Uint8Array>()
  readonly refusals: [number, string][] = []
  readonly calls: string[] = []
  readonly frameTargets: number[] = []
  readonly attachment: Attachment

  constructor(
    readonly document: string,
    readonly stateVector: Uint8Array | null = Uint8Array.of(0),
  ) {
    this.attachment = link.attach(document, this)
  }

  edit(...ids: number[]): void {
    for (const id of ids) {
      const update = Uint8Array.of(id)
      this.pending.set(id, update)
      this.attachment.send({ id, update, edits: 1 })
    }
  }

  async hello() {
    this.calls.push('hello')
    return { epoch: null, stateVector: this.stateVector }
  }
  async opened({ frameTarget }: { frameTarget: number }) {
    this.calls.push('opened')
    this.frameTargets.push(frameTarget)
  }
  async serverHas() {
    for (const [id, update] of this.pending) this.attachment.send({ id, update, edits: 1 })
    this.calls.push('serverHas')
  }
  async updates(_updates: readonly Uint8Array[], first: boolean) {
    if (first) this.calls.push('synced')
  }
  async durable(ids: readonly number[]) {
    for (const id of ids) this.pending.delete(id)
  }
  async refused(ids: readonly number[], { code }: { code: string }) {
    for (const id of ids) this.refusals.push([id, code])
  }
  presence() {}
  held({ code }: { code: string }) {
    this.calls.push(`held ${code}`)
  }
  offline() {
    this.calls.push('offline')
  }
  async denied({ kind }: { kind: string }) {
    this.calls.push(`denied ${kind}`)
  }
}

const newLink = (options: Partial<LinkOptions> = {}) => {
  const token = createTokenSource({
    apiUrl: server.apiUrl,
    apiKey: 'whs_test_key',
    now: () => performance.now(),
  })
  link = createLink({
    apiUrl: server.apiUrl,
    token,
    WebSocket,
    random: () => 0.1,
    environment: {
      subscribe: (listener) => {
        signal = listener
        return () => {}
      },
    },
    report: (error) => void reports.push(String(error)),
    ...options,
  })
  link.onState((state) => void states.push(state))
  link.start()
}

beforeEach(async () => {
  states = []
  reports = []
  server = await new SyncServer().start()
  newLink()
})

afterEach(async () => {
  link.stop()
  await server.stop()
})

const saved = (desk: Desk) => eventually(() => expect([...desk.pending.keys()]).toEqual([]))
const phase = (wanted: Partial<LinkState>) => eventually(() => expect(link.state).toMatchObject(wanted))
const synced = (desk: Desk) => eventually(() => expect(desk.calls).toContain('synced'))

describe('many documents', () => {
  test('share one socket and one token, and a late one joins them', async () => {
    const desks = Array.from({ length: 50 }, (_, index) => new Desk(`tables/t${index}`))
    for (const desk of desks) await synced(desk)
    const late = new Desk('tables/late')
    desks.push(late)
    for (const [index, desk] of desks.entries()) desk.edit(index, 100 + index)
    for (const desk of desks) await saved(desk)
    expect(server.clients).toHaveLength(1)
    expect(server.tokenRequests).toBe(1)
    expect(states).toEqual([{ phase: 'connecting' }, { phase: 'open' }])
  })

  test('are judged one by one: one without rights disturbs nobody', async () => {
    server.react = (frame) => {
      if (frame.kind === 'auth' && frame.document === 'tables/secret')
        frame.from.deny(frame.document, 'not_allowed')
      else server.serve(frame)
    }
    const [secret, open] = [new Desk('tables/secret'), new Desk('tables/open')]
    open.edit(1)
    await saved(open)
    await eventually(() => expect(secret.calls).toEqual(['hello', 'denied forbidden']))
    server.react = (frame) => server.serve(frame)
    secret.attachment.retry()
    await synced(secret)
    expect(server.clients).toHaveLength(1)
  })

  test('one that the server closes comes back on the same socket', async () => {
    const [one, other] = [new Desk('tables/one'), new Desk('tables/other')]
    await synced(one)
    await synced(other)
    server.clients[0]?.close('tables/one')
    await eventually(() =>
      expect(one.calls.slice(-5)).toEqual(['offline', 'hello', 'opened', 'serverHas', 'synced']),
    )
    expect(other.calls).toEqual(['hello', 'opened', 'serverHas', 'synced'])
    expect(server.clients).toHaveLength(1)
  })

  test('one that is left and taken up again waits for its last status', async () => {
    const owed: (() => void)[] = []
    server.react = (frame) => {
      if (frame.kind === 'update') owed.push(() => server.serve(frame))
      else server.serve(frame)
    }
    const first = new Desk('tables/a')
    await synced(first)
    first.edit(1)
    await eventually(() => expect(owed).toHaveLength(1))
    first.attachment.detach()
    const second = new Desk('tables/a')
    expect(() => link.attach('tables/a', second)).toThrow('attached already')
    owed[0]?.()
    await synced(second)
    second.edit(2)
    await eventually(() => expect(owed).toHaveLength(2))
    expect([...second.pending.keys()]).toEqual([2])
    owed[1]?.()
    await saved(second)
    expect(server.received.map(({ kind }) => kind)).toEqual([
      ...['auth', 'step1', 'update', 'detach'],
      ...['auth', 'step1', 'update'],
    ])
  })

  test('that only send ask for no content', async () => {
    const track = new Desk('track/v/2026-05-01/d', null)
    await eventually(() => expect(track.calls).toContain('serverHas'))
    track.edit(1)
    await saved(track)
    expect(server.of('auth')[0]?.version).toBe('webhost-sync/1;send-only')
    expect(server.of('step1')).toEqual([])
  })
})

describe('acknowledgements', () => {
  test('go by position, come late, and can be negative', async () => {
    const held: (() => void)[] = []
    server.react = (frame) => {
      if (frame.kind !== 'update') return server.serve(frame)
      held.push(() => {
        if (frame.bytes[0] === 2) frame.from.refuse(frame.document, 'too_large')
        else server.serve(frame)
      })
    }
    const desk = new Desk('tables/a')
    await synced(desk)
    desk.edit(1, 2, 3)
    await eventually(() => expect(held).toHaveLength(3))
    expect(desk.pending.size).toBe(3)
    for (const answer of held) answer()
    await eventually(() => expect([...desk.pending.keys()]).toEqual([2]))
    expect(desk.refusals).toEqual([[2, 'too_large']])
  })

  test('that were lost with the socket come again after the reconnect', async () => {
    let silent = true
    server.react = (frame) => {
      if (frame.kind !== 'update' || !silent) server.serve(frame)
    }
    const desk = new Desk('tables/a')
    await synced(desk)
    desk.edit(1, 2, 3)
    await eventually(() => expect(server.of('update')).toHaveLength(3))
    expect(desk.pending.size).toBe(3)
    silent = false
    server.clients[0]?.socket.terminate()
    await saved(desk)
    expect(server.clients).toHaveLength(2)
    expect(server.tokenRequests).toBe(1)
  })
})

describe('a token', () => {
  test('is renewed in place before it ends, for every document', async () => {
    link.stop()
    let count = 0
    newLink({ token: { get: async () => ({ value: `short ${++count}`, useFor: count < 3 ? 50 : null }) } })
    const desks = [new Desk('tables/a'), new Desk('tables/b')]
    await eventually(() => expect(count).toBe(3))
    await eventually(() =>
      expect(server.of('auth').filter(({ token }) => token === 'short 3')).toHaveLength(2),
    )
    expect(server.clients).toHaveLength(1)
    for (const desk of desks) expect(desk.calls).toEqual(['hello', 'opened', 'serverHas', 'synced'])
  })

  test('that the server asks for is got once for all documents, and anew when it asks again', async () => {
    link.stop()
    let later = 0
    newLink({ now: () => performance.now() + later })
    const [one, other] = [new Desk('tables/a'), new Desk('tables/b')]
    await synced(one)
    await synced(other)
    const tokens = () => new Set(server.of('auth').map(({ token }) => token)).size
    for (const round of [2, 3]) {
      // Tokens of a few seconds are asked for every few seconds.
      later += 2_500
      for (const name of ['tables/a', 'tables/b']) server.clients.at(-1)?.askForToken(name)
      await eventually(() => expect(tokens()).toBe(round))
      expect(server.tokenRequests).toBe(round)
    }
    expect(server.clients).toHaveLength(1)
  })

  test('that a document refuses is replaced once, on the open socket', async () => {
    server.react = (frame) => {
      if (frame.kind === 'auth' && frame.token === 'token 1') frame.from.deny(frame.document, 'token_expired')
      else server.serve(frame)
    }
    const desks = [new Desk('tables/a'), new Desk('tables/b'), new Desk('tables/c')]
    for (const desk of desks) await synced(desk)
    expect(server.tokenRequests).toBe(2)
    expect(server.clients).toHaveLength(1)
  })

  test('that is never good enough blocks, without a storm, until somebody asks', async () => {
    server.react = (frame) => frame.kind === 'auth' && frame.from.deny(frame.document, 'key_revoked')
    const desk = new Desk('tables/a')
    await phase({ phase: 'blocked', code: 'auth' })
    expect(server.tokenRequests).toBe(2)
    await eventually(() => expect(server.open).toHaveLength(0))
    server.react = (frame) => server.serve(frame)
    link.wake()
    await synced(desk)
    expect(states.at(-1)).toEqual({ phase: 'open' })
  })

  const error = (code: string) => ({ error: { code, message: code, retry: false } })
  test.each([
    [401, 'not_authenticated', { phase: 'blocked', code: 'auth' }, 2],
    [403, 'not_allowed', { phase: 'blocked', code: 'forbidden' }, 1],
    [429, 'too_many_requests', { phase: 'blocked', code: 'rate-limited' }, 1],
    [503, 'store_unavailable', { phase: 'blocked', code: 'maintenance' }, 1],
  ] as const)(
    'that HTTP %i %s keeps back blocks, and no socket is tried',
    async (status, code, blocked, requests) => {
      server.answerToken = (response) => server.json(response, status, error(code), { 'Retry-After': '20' })
      new Desk('tables/a')
      await phase(blocked)
      const { retryAt } = link.state as { retryAt: number }
      expect(retryAt - Date.now()).toBeGreaterThan(18_000)
      expect(server.tokenRequests).toBe(requests)
      expect(server.clients).toHaveLength(0)
    },
  )

  test('that a captive portal keeps back is a network that is not there', async () => {
    const { answerToken } = server
    server.answerToken = (response) => response.writeHead(200).end('<html>Log in to the hotel</html>')
    const desk = new Desk('tables/a')
    await phase({ phase: 'offline' })
    server.answerToken = answerToken
    await synced(desk)
    expect(states.map((state) => state.phase)).not.toContain('blocked')
  })
})

describe('the end of a socket', () => {
  const closeNext = (code: number, reason = '') => server.clients.at(-1)?.socket.close(code, reason)

  test.each([1001, 1012, 1013, 4500, 4503, 4508])('with %i is followed by another socket', async (code) => {
    const desk = new Desk('tables/a')
    await synced(desk)
    closeNext(code)
    await eventually(() => expect(desk.calls.filter((call) => call === 'synced')).toHaveLength(2))
    expect(server.clients).toHaveLength(2)
  })

  test('with 4401 is followed by one new token, and the next by none', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    closeNext(4401)
    await eventually(() => expect(desk.calls.filter((call) => call === 'synced')).toHaveLength(2))
    expect(server.of('auth').map(({ token }) => token)).toEqual(['token 1', 'token 2'])
    closeNext(4401)
    await phase({ phase: 'blocked', code: 'auth' })
    expect(server.clients).toHaveLength(2)
  })

  test.each([
    [4403, '', 'forbidden'],
    [4404, 'there is no such document', 'forbidden'],
    [4426, '', 'outdated'],
    [4529, 'slow down; retry-after=30', 'rate-limited'],
  ] as const)('with %i %s blocks: %s', async (code, reason, block) => {
    await synced(new Desk('tables/a'))
    closeNext(code, reason)
    await phase({ phase: 'blocked', code: block })
    expect((link.state as { retryAt: number }).retryAt - Date.now()).toBeGreaterThan(28_000)
  })

  test('with a time to wait is waited for', async () => {
    await synced(new Desk('tables/a'))
    closeNext(1013, 'draining; retry-after=60')
    await phase({ phase: 'offline' })
    expect((link.state as { retryAt: number }).retryAt - Date.now()).toBeGreaterThan(58_000)
  })

  test('for too large a frame makes frames smaller', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    desk.attachment.send({ id: 1, update: new Uint8Array(50_000), edits: 1 })
    await eventually(() => expect(server.of('update')).toHaveLength(1))
    closeNext(1009)
    await eventually(() => expect(desk.frameTargets).toHaveLength(2))
    expect(desk.frameTargets[0]).toBe(1_000_000)
    expect(desk.frameTargets[1]).toBeLessThan(25_100)
    expect(desk.frameTargets[1]).toBeGreaterThan(24_900)
  })

  test('that comes again and again makes the attempts rarer', async () => {
    link.stop()
    newLink({ random: () => 0.2 })
    server.admitSocket = ({ socket }) => server.clients.length < 5 && socket.close(1012)
    const start = performance.now()
    const desk = new Desk('tables/a')
    await synced(desk)
    expect(server.clients).toHaveLength(5)
    expect(performance.now() - start).toBeGreaterThan(100 + 200 + 400 + 800)
  })

  test('by a restart of the server is survived, with what was written meanwhile', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    await server.stop()
    await phase({ phase: 'offline' })
    desk.edit(1, 2)
    await server.start()
    await saved(desk)
  })

  test('by bytes that are no frame is our doing', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    server.clients[0]?.socket.send(Uint8Array.of(3, 1))
    await eventually(() => expect(desk.calls.filter((call) => call === 'synced')).toHaveLength(2))
    expect(reports).toEqual([expect.stringContaining('ProtocolError')])
  })
})

describe('a socket that says nothing', () => {
  test.each(['wake', 'visible', 'online'] as const)('is replaced 2 s after a wake-up (%s)', async (how) => {
    const desk = new Desk('tables/a')
    await synced(desk)
    server.react = (frame) => frame.from !== server.clients[0] && server.serve(frame)
    const start = performance.now()
    if (how === 'wake') link.wake()
    else signal(how)
    await eventually(() => expect(desk.calls.filter((call) => call === 'synced')).toHaveLength(2))
    expect(performance.now() - start).toBeLessThan(3_000)
    expect(server.clients).toHaveLength(2)
  })

  test('is kept where it answers', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    signal('visible')
    await eventually(() => expect(server.of('ping')).toHaveLength(1))
    desk.edit(1)
    await saved(desk)
    expect(server.clients).toHaveLength(1)
    expect(states.at(-1)).toEqual({ phase: 'open' })
  })
})

describe('stopped', () => {
  test('it has no socket and makes none, and begins again where it was', async () => {
    const desk = new Desk('tables/a')
    await synced(desk)
    link.stop()
    expect(link.state).toEqual({ phase: 'stopped' })
    expect(link.bufferedAmount).toBe(0)
    desk.edit(1)
    await eventually(() => expect(server.open).toHaveLength(0))
    link.start()
    await saved(desk)
    expect(server.clients).toHaveLength(2)
  })

  test('without WebSocket it says what to pass', () => {
    const token = { get: () => Promise.reject(new Error('unused')) }
    const { WebSocket: saved } = globalThis
    Reflect.deleteProperty(globalThis, 'WebSocket')
    try {
      expect(() => createLink({ apiUrl: 'http://x', token })).toThrow('the package ws')
    } finally {
      if (saved) globalThis.WebSocket = saved
    }
  })
})
