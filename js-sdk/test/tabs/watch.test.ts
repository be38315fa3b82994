import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BEAT, beginWatch, heard, look, outranks } from '../../src/tabs/watch.js'

/** Look every two seconds from `begin` on, and give the times of the steals. */
const steals = (until: number, visible: (now: number) => boolean, beat: (now: number) => boolean) => {
  const times: number[] = []
  let watch = beginWatch(0)
  for (let now = BEAT; now <= until; now += BEAT) {
    if (beat(now)) watch = heard(watch, now)
    const [next, advice] = look(watch, now, visible(now))
    watch = next
    if (advice === 'steal') times.push(now)
  }
  return times
}
const always = () => true
const never = () => false

test('a silent leader is asked first, and robbed after ten seconds', () => {
  expect(steals(20_000, always, never)).toEqual([10_000])
  let watch = beginWatch(0)
  const advice: string[] = []
  for (let now = BEAT; now <= 10_000; now += BEAT) {
    const [next, what] = look(watch, now, true)
    watch = next
    advice.push(what)
  }
  expect(advice).toEqual(['wait', 'ask', 'ask', 'ask', 'steal'])
})

test('tabs that cannot hear each other do not fight: the pauses grow', () => {
  expect(steals(700_000, always, never)).toEqual([10_000, 40_000, 100_000, 220_000, 460_000])
})

test('a hidden tab never steals, and nobody steals from a leader that is heard', () => {
  expect(steals(600_000, never, never)).toEqual([])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), (rarely) => {
      expect(steals(600_000, always, (now) => (now / BEAT) % rarely === 0)).toEqual([])
    }),
  )
})

test('a tab that was frozen itself has heard nothing, which proves nothing', () => {
  const [watch, advice] = look(beginWatch(0), 3_600_000, true)
  expect(advice).toBe('wait')
  expect(look(watch, 3_602_000, true)[1]).toBe('wait')
})

test('a leader that knows less is robbed while it lives, once until the pause is over, and not by a hidden tab', () => {
  const now = 600_000
  const watch = heard({ ...beginWatch(now), lookedAt: now }, now, true)
  expect(look(watch, now + BEAT, false)[1]).toBe('wait')
  const [robbed, advice] = look(watch, now + BEAT, true)
  expect(advice).toBe('steal')
  expect(look(heard(robbed, now + BEAT, true), now + 2 * BEAT, true)[1]).toBe('wait')
  expect(look(heard(watch, now, false), now + BEAT, true)[1]).toBe('wait')
})

test('of any tabs that outrank each other, no chain of them leads back to its beginning', () => {
  const tables = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))
  fc.assert(
    fc.property(tables, tables, tables, (one, two, three) => {
      expect(outranks(one, one)).toBe(false)
      if (outranks(two, one) && outranks(three, two)) expect(outranks(three, one)).toBe(true)
    }),
  )
  expect(outranks(['a', 'b'], ['b'])).toBe(true)
  expect(outranks(['a', 'c', 'd'], ['a', 'b'])).toBe(false)
})
