import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { step } from '../../src/wire/session.js'
import {
  type Effect,
  linkState,
  nextDue,
  type Session,
  type SessionEvent,
  STOPPED,
} from '../../src/wire/session-state.js'

/** A session with a clock: what happens, and what it asks for. */
class Driver {
  session: Session = STOPPED
  now = 1_000_000
  random = 0.5
  effects: Effect[] = []

  on(...events: SessionEvent[]): this {
    for (const event of events) {
      const [session, effects] = step(this.session, event, { now: this.now, random: this.random })
      this.session = session
      this.effects.push(...effects)
    }
    return this
  }

  /** Let time pass, with every tick on time. */
  pass(ms: number): this {
    const end = this.now + ms
    for (let due = nextDue(this.session); due !== null && due <= end; due = nextDue(this.session)) {
      this.now = Math.max(this.now, due)
      this.on({ on: 'tick' })
    }
    this.now = end
    return this
  }

  /** Sleep: time passes, and the timer is late. */
  sleep(ms: number): this {
    this.now += ms
    return this.on({ on: 'tick' })
  }

  take(): string[] {
    const names = this.effects.map((effect) => effect.do)
    this.effects = []
    return names
  }

  get request(): number {
    return this.session.requests
  }

  token(useFor: number | null = null): this {
    return this.on({ on: 'token', request: this.request, useFor })
  }

  refusedToken(
    kind: 'auth' | 'forbidden' | 'offline' | 'rate-limited',
    retryAfter: number | null = null,
  ): this {
    return this.on({ on: 'no-token', request: this.request, failure: { kind, hint: 'hint', retryAfter } })
  }

  closed(code: number, reason = ''): this {
    return this.on({ on: 'closed', socket: this.session.socket, code, reason })
  }

  heard(): this {
    return this.on({ on: 'heard', socket: this.session.socket })
  }

  open(useFor: number | null = null): this {
    this.token(useFor).on({ on: 'connected', socket: this.session.socket })
    return this.heard().on({ on: 'entered' })
  }

  get state() {
    return linkState(this.session)
  }
}

const started = () => new Driver().on({ on: 'documents', count: 2 }, { on: 'start' })
const running = (useFor: number | null = null) => {
  const driver = started().open(useFor)
  driver.take()
  return driver
}

describe('the way to an open connection', () => {
  test('goes by token, socket and the first document that lets us in', () => {
    const driver = started()
    expect(driver.take()).toEqual(['request-token'])
    driver.token()
    expect(driver.take()).toEqual(['dial'])
    driver.on({ on: 'connected', socket: 1 })
    expect(driver.state).toEqual({ phase: 'connecting' })
    driver.on({ on: 'entered' })
    expect(driver.state).toEqual({ phase: 'open' })
  })

  test('needs a document, and ends some seconds after the last one', () => {
    const driver = new Driver().on({ on: 'start' })
    expect(driver.take()).toEqual([])
    driver.on({ on: 'documents', count: 1 }).open().take()
    driver.on({ on: 'documents', count: 0 }).pass(4999)
    expect(driver.take()).toEqual([])
    driver.pass(1)
    expect(driver.take()).toEqual(['close'])
    expect(nextDue(driver.session)).toBeNull()
  })

  test('is given up where nothing answers: neither token nor socket', () => {
    const driver = started().pass(20_000)
    expect(driver.state.phase).toBe('offline')
    driver.pass(300).token().pass(15_000)
    expect(driver.state.phase).toBe('offline')
    expect(driver.take()).toEqual(['request-token', 'request-token', 'dial', 'close'])
  })
})

describe('a sign of life', () => {
  test('is asked for after 15 s of silence and must come within 5', () => {
    const driver = running().pass(14_999)
    expect(driver.take()).toEqual([])
    driver.pass(1)
    expect(driver.take()).toEqual(['ping'])
    driver.pass(4_999).heard()
    expect(driver.session.phase).toBe('open')
    driver.pass(15_000 + 5_000)
    expect(driver.take()).toEqual(['ping', 'close'])
    expect(driver.state.phase).toBe('offline')
  })

  test.each(['visible', 'online', 'offline'] as const)('is due in 2 s after the device said %s', (signal) => {
    const driver = running().on({ on: 'device', signal }).pass(1_999)
    expect(driver.take()).toEqual(['ping'])
    driver.pass(1)
    expect(driver.take()).toEqual(['close'])
  })

  test('is asked for once more after a sleep, and only once', () => {
    const driver = running().pass(15_000)
    expect(driver.take()).toEqual(['ping'])
    driver.sleep(12 * 3_600_000)
    expect(driver.take()).toEqual(['ping'])
    driver.sleep(60_000)
    expect(driver.take()).toEqual(['close'])
  })

  test('a cut that nobody notices ends `open` within 35 s', () => {
    fc.assert(
      fc.property(fc.nat(60_000), (silence) => {
        const driver = running()
        for (let rest = silence; rest > 0; rest -= 5_000) driver.pass(Math.min(5_000, rest)).heard()
        expect(driver.pass(35_000).state.phase).not.toBe('open')
      }),
    )
  })
})

describe('after a loss', () => {
  test.each([1006, 1001, 1012, 1009, 4413, 1013, 4500, 4503, 4508])('with %i it comes back', (code) => {
    const driver = running().closed(code)
    expect(driver.state).toEqual({ phase: 'offline', retryAt: driver.now + 250 })
    driver.pass(250)
    expect(driver.take()).toEqual(['request-token'])
  })

  test('it waits for as long as the server asked, and up to a fifth more', () => {
    const driver = running().closed(1013, 'draining; retry-after=30')
    expect(driver.state).toEqual({ phase: 'offline', retryAt: driver.now + 33_000 })
    driver.on({ on: 'device', signal: 'visible' })
    expect(nextDue(driver.session)).toBe(driver.now + 33_000)
    driver.on({ on: 'wake' })
    expect(nextDue(driver.session)).toBe(driver.now + 1_000)
    const limited = running().closed(4529, 'slow down; retry-after=10')
    expect(limited.state).toMatchObject({ code: 'rate-limited', retryAt: limited.now + 11_000 })
  })

  test('a wake-up shortens the wait to 250 ms, but not to more than an attempt a second', () => {
    const driver = running()
    for (let loss = 0; loss < 8; loss++) driver.closed(1006).pass(20_000).open()
    driver.closed(1006).on({ on: 'device', signal: 'online' })
    expect(nextDue(driver.session)).toBe(driver.now + 125)
    driver.pass(125).take()
    for (let time = 0; time < 10_000; time += 50) {
      driver.refusedToken('offline').on({ on: 'device', signal: 'visible' }).pass(50)
    }
    expect(driver.take().length).toBeLessThanOrEqual(10)
  })

  test('a device that says it has no network is believed for half a minute', () => {
    const driver = running().pass(1_000).on({ on: 'device', signal: 'offline' }).closed(1006)
    expect(driver.state).toEqual({ phase: 'offline', retryAt: driver.now + 45_000 })
    driver.on({ on: 'device', signal: 'online' })
    expect(nextDue(driver.session)).toBe(driver.now + 125)
  })
})

describe('a credential', () => {
  test('that a socket refuses is refreshed once, then it is blocked with a slow retry', () => {
    const driver = running().closed(4401)
    expect(driver.effects).toEqual([{ do: 'request-token', request: 2, reason: 'refresh' }])
    driver.open().closed(4401)
    expect(driver.state).toMatchObject({ phase: 'blocked', code: 'auth', retryAt: driver.now + 330_000 })
  })

  test('that expired in a sleep is refreshed after the next sleep, too', () => {
    const driver = running()
    for (let sleep = 0; sleep < 3; sleep++) {
      driver.on({ on: 'token-refused' }).token().on({ on: 'entered' })
      for (let second = 0; second < 40; second++) driver.pass(1000).heard()
      expect(driver.state).toEqual({ phase: 'open' })
    }
  })

  test('that a document refuses is refreshed on the open socket', () => {
    const driver = running().on({ on: 'token-refused' }, { on: 'token-refused' })
    expect(driver.take()).toEqual(['request-token'])
    driver.token()
    expect(driver.take()).toEqual(['present-token'])
    driver.on({ on: 'token-refused' })
    expect(driver.take()).toEqual(['close'])
    expect(driver.state).toMatchObject({ phase: 'blocked', code: 'auth' })
  })

  test('that gives no token is tried once more, then blocked; asking for it tries at once', () => {
    const driver = started().refusedToken('auth')
    expect(driver.take()).toEqual(['request-token', 'request-token'])
    driver.refusedToken('auth')
    expect(driver.state).toMatchObject({ phase: 'blocked', code: 'auth', hint: 'hint' })
    driver.on({ on: 'device', signal: 'visible' }).pass(2_000)
    expect(driver.take()).toEqual([])
    driver.on({ on: 'wake' }).pass(2_000)
    expect(driver.take()).toEqual(['request-token'])
  })

  test('that has no right, or is too old, is blocked at once', () => {
    expect(started().refusedToken('forbidden').state).toMatchObject({ code: 'forbidden' })
    expect(running().closed(4403, 'no').state).toMatchObject({ code: 'forbidden' })
    expect(running().closed(4426).state).toMatchObject({ code: 'outdated' })
    expect(running().on({ on: 'outdated', hint: 'update' }).state).toMatchObject({ hint: 'update' })
  })

  test('is renewed in place when most of its life is over, and a failure leaves the socket alone', () => {
    const driver = running(60_000)
    for (let time = 0; time < 60_000; time += 10_000) driver.pass(10_000).heard()
    expect(driver.take()).toContain('request-token')
    driver.refusedToken('offline')
    expect(driver.state).toEqual({ phase: 'open' })
    for (let time = 0; time < 40_000; time += 10_000) driver.pass(10_000).heard()
    driver.token(60_000)
    expect(driver.take()).toEqual(['request-token', 'present-token'])
  })

  test('is waited for as long as the token endpoint asks', () => {
    const driver = started().refusedToken('rate-limited', 20_000)
    expect(driver.state).toMatchObject({ code: 'rate-limited', retryAt: driver.now + 22_000 })
  })
})

const anyEvent: fc.Arbitrary<(driver: Driver) => unknown> = fc.oneof(
  fc
    .constantFrom<SessionEvent['on']>('start', 'stop', 'wake', 'entered', 'token-refused', 'token-wanted')
    .map((on) => (driver: Driver) => driver.on({ on } as SessionEvent)),
  fc
    .constantFrom('online', 'offline', 'visible')
    .map((signal) => (driver: Driver) => driver.on({ on: 'device', signal } as SessionEvent)),
  fc.nat(2).map((count) => (driver: Driver) => driver.on({ on: 'documents', count })),
  fc.constant((driver: Driver) => driver.token(30_000)),
  fc
    .constantFrom('auth', 'forbidden', 'offline', 'rate-limited')
    .map((kind) => (driver: Driver) => driver.refusedToken(kind as 'auth')),
  fc.constant((driver: Driver) => driver.on({ on: 'connected', socket: driver.session.socket })),
  fc.constant((driver: Driver) => driver.heard()),
  fc
    .constantFrom(1006, 1009, 1013, 4401, 4403, 4404, 4426, 4529)
    .map((code) => (driver: Driver) => driver.closed(code)),
  fc.nat(3).map((age) => (driver: Driver) => {
    driver.on({ on: 'closed', socket: driver.session.socket - 1 - age, code: 1006, reason: '' })
  }),
  fc.nat(40_000).map((ms) => (driver: Driver) => driver.pass(ms)),
  fc.nat(400_000).map((ms) => (driver: Driver) => driver.sleep(ms)),
)

test('never two sockets, always a next step, and no token for a socket that is not there', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyEvent, fc.double({ min: 0, max: 0.999, noNaN: true })), { maxLength: 80 }),
      (events) => {
        const driver = new Driver().on({ on: 'documents', count: 1 }, { on: 'start' })
        let sockets = 0
        for (const [happen, random] of events) {
          driver.random = random
          const before = driver.session
          happen(driver)
          for (const effect of driver.effects) {
            if (effect.do === 'dial') expect(++sockets).toBe(1)
            if (effect.do === 'close') expect(--sockets).toBe(0)
            if (effect.do === 'ping') expect(sockets).toBe(1)
          }
          driver.effects = []
          const { phase } = driver.session
          const has =
            phase === 'dialing' || phase === 'authenticating' || phase === 'open' || phase === 'suspect'
          // Lost without an effect: the socket told its end itself.
          if (!has && sockets === 1 && before.socket === driver.session.socket) sockets = 0
          expect(sockets).toBe(has ? 1 : 0)
          const due = nextDue(driver.session)
          if (phase === 'stopped' || phase === 'idle') expect(due).toBeNull()
          else expect(due).not.toBeNull()
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a server that throws everybody out at once is not stormed', () => {
  const driver = started()
  let attempts = 0
  for (let end = driver.now + 600_000; driver.now < end; driver.pass(100)) {
    if (driver.session.phase === 'token') driver.token()
    if (driver.session.phase === 'dialing') {
      attempts++
      driver.closed(1006)
    }
  }
  expect(attempts).toBeLessThan(130)
  expect(attempts).toBeGreaterThan(100)
})
