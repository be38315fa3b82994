import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeChunk, encodeChunk, type Fix } from '../../src/layout/chunk.js'
import { trackRuns, utcDay } from '../../src/layout/track-days.js'

const MIDNIGHT = Date.UTC(2026, 10, 24)
const fixAt = (sequence: number, fixTimeMs: number): Fix => ({
  sequence,
  fixTimeMs,
  latitude: 1,
  longitude: 2,
})

test('a day ends at midnight UTC', () => {
  expect(utcDay(MIDNIGHT - 1)).toBe('2026-11-23')
  expect(utcDay(MIDNIGHT)).toBe('2026-11-24')
  expect(utcDay(-1)).toBe('1969-12-31')
  expect(utcDay(-62_135_596_800_000)).toBe('0001-01-01')
  expect(() => utcDay(8.64e15)).toThrow('outside the years 1 to 9999')
  expect(() => utcDay(Number.NaN)).toThrow('outside the years 1 to 9999')
})

test('runs end at midnight, at a hole, at another vehicle and when they are full', () => {
  const minute = (index: number) => MIDNIGHT - 3 * 60_000 + index * 60_000
  const fixes = [0, 1, 2, 3, 4, 6, 7].map((sequence) => ({
    vehicle: 'bus-7',
    fix: fixAt(sequence, minute(sequence)),
  }))
  const runs = trackRuns([{ vehicle: 'bus-8', fix: fixAt(5, minute(5)) }, ...fixes], 2)
  expect(runs.map((run) => [run.vehicle, run.day, run.fixes.map((fix) => fix.sequence)])).toEqual([
    ['bus-8', '2026-11-24', [5]],
    ['bus-7', '2026-11-23', [0, 1]],
    ['bus-7', '2026-11-23', [2]],
    ['bus-7', '2026-11-24', [3, 4]],
    ['bus-7', '2026-11-24', [6, 7]],
  ])
})

test('each fix is in exactly one run of its vehicle and day, and each run is a chunk', () => {
  const fix = fc.record({
    vehicle: fc.constantFrom('a', 'b', '2026-11-23a'),
    fix: fc
      .tuple(fc.nat(40), fc.integer({ min: -90_000_000, max: 90_000_000 }))
      .map(([sequence, offset]) => fixAt(sequence, MIDNIGHT + offset)),
  })
  fc.assert(
    fc.property(fc.array(fix), fc.integer({ min: 1, max: 10 }), (fixes, most) => {
      const runs = trackRuns(fixes, most)
      for (const run of runs) {
        expect(run.fixes.length).toBeLessThanOrEqual(most)
        expect(new Set(run.fixes.map((fix) => utcDay(fix.fixTimeMs)))).toEqual(new Set([run.day]))
        expect(decodeChunk(encodeChunk(run.fixes))).toEqual(run.fixes)
      }
      const back = runs.flatMap((run) => run.fixes.map((fix) => ({ vehicle: run.vehicle, fix })))
      expect(back).toHaveLength(fixes.length)
      expect(new Set(back.map((entry) => entry.fix))).toEqual(new Set(fixes.map((entry) => entry.fix)))
      for (const { vehicle, fix } of back) {
        expect(fixes.find((entry) => entry.fix === fix)?.vehicle).toBe(vehicle)
      }
    }),
  )
})
