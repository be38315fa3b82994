import fc from 'fast-check'
import { expect, test } from 'vitest'
import { failed, RESTED, spread, succeeded } from '../../src/wire/backoff.js'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('the longest delay doubles from half a second up to ten', () => {
  let backoff = RESTED
  const longest: number[] = []
  for (let attempt = 0; attempt < 7; attempt++) {
    const next = failed(backoff, 0, 1)
    longest.push(next.delay)
    backoff = next.backoff
  }
  expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('every delay between nothing and the longest is as likely', () => {
  fc.assert(
    fc.property(random, fc.nat(5000), (part, attempts) => {
      const { delay } = failed({ attempts, since: null }, 0, part)
      const { delay: longest } = failed({ attempts, since: null }, 0, 1)
      expect(delay).toBeCloseTo(part * longest, 6)
      expect(longest).toBeLessThanOrEqual(10_000)
    }),
  )
})

test('only what has lasted half a minute is forgiven', () => {
  const tired = { attempts: 6, since: null }
  const open = succeeded(tired, 1000)
  expect(failed(open, 30_999, 1).delay).toBe(10_000)
  expect(failed(open, 31_000, 1).delay).toBe(500)
  expect(succeeded(open, 20_000).since).toBe(1000)
})

test('a delay that the server named is never cut short', () => {
  fc.assert(
    fc.property(random, fc.nat(1e6), (part, delay) => {
      expect(spread(delay, part)).toBeGreaterThanOrEqual(delay)
      expect(spread(delay, part)).toBeLessThanOrEqual(delay * 1.2)
    }),
  )
})

test('a thousand clients of a server that comes back after 20 s come apart', () => {
  let seed = 1
  const next = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const perTenth = new Map<number, number>()
  for (let client = 0; client < 1000; client++) {
    let [time, backoff] = [0, RESTED]
    while (time < 20_000) {
      const attempt = failed(backoff, time, next())
      ;[time, backoff] = [time + attempt.delay, attempt.backoff]
    }
    const tenth = Math.floor(time / 100)
    perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1)
  }
  expect(Math.max(...perTenth.values())).toBeLessThan(60)
})
