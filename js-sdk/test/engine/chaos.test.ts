// Before yjs is loaded, see there.
import '../support/seeded-random.js'

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Action, Chaos } from '../support/chaos.js'
import { totals } from '../support/chaos-device.js'
import { SEED } from '../support/seed.js'
import { reseed } from '../support/seeded-random.js'

// More of it: CHAOS_RUNS=200 CHAOS_STEPS=150. A failure again, and smaller: CHAOS_SEED=… CHAOS_SHRINK=1.
const RUNS = Number(process.env['CHAOS_RUNS'] ?? 12)
const STEPS = Number(process.env['CHAOS_STEPS'] ?? 120)
const SHRINK = process.env['CHAOS_SHRINK'] !== undefined

const device = fc.nat(2)
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const simple = (...kinds: Exclude<Action['kind'], 'write' | 'arm' | 'full' | 'refuse' | 'epoch'>[]) =>
  fc.record({ kind: fc.constantFrom(...kinds), device })

function actions(...extra: { weight: number; arbitrary: fc.Arbitrary<Action> }[]) {
  const action: fc.Arbitrary<Action> = fc.oneof(
    often(
      10,
      fc.record({
        kind: fc.constant('write' as const),
        device,
        what: fc.constantFrom('mark', 'mark', 'count', 'add', 'edit', 'delete', 'bulk', 'batch', 'rollback'),
        key: fc.nat(11),
      }),
    ),
    often(4, simple('connect')),
    often(12, simple('pump', 'flush', 'serve')),
    often(12, simple('talk')),
    often(2, simple('cut', 'repeat', 'compact')),
    often(
      5,
      fc.record({
        kind: fc.constantFrom('arm' as const, 'arm' as const, 'full' as const),
        device,
        steps: fc.integer({ min: 1, max: 20 }),
      }),
    ),
    ...extra,
  )
  return fc.array(action, { minLength: SHRINK ? 1 : STEPS, maxLength: STEPS, size: 'max' })
}

let runs = 0

async function survive(steps: readonly Action[]): Promise<void> {
  runs += 1
  reseed(JSON.stringify(steps))
  const chaos = await Chaos.start(`${runs}`)
  try {
    for (const step of steps) await chaos.act(step)
    await chaos.finish()
  } finally {
    chaos.close()
  }
}

const parameters = { numRuns: RUNS, seed: SEED, endOnFailure: !SHRINK }

it(`loses, doubles and hides nothing when devices die (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  const before = { ...totals }
  await fc.assert(fc.asyncProperty(actions(), survive), parameters)
  expect(totals.crashes).toBeGreaterThan(before.crashes)
  console.log('crashes', totals)
})

it(`nor with leaders that do not know of each other (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  await fc.assert(fc.asyncProperty(actions(often(3, simple('usurp'))), survive), parameters)
  expect(totals.fenced).toBeGreaterThan(0)
  console.log('leaders', totals)
})

it(`nor with refusals and changes of epoch (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  const refuse = fc.record({ kind: fc.constant('refuse' as const), count: fc.integer({ min: 1, max: 2 }) })
  const epoch = fc.constant<Action>({ kind: 'epoch' })
  const extra = [often(2, refuse), often(1, epoch), often<Action>(1, simple('deny'))]
  await fc.assert(fc.asyncProperty(actions(...extra), survive), parameters)
  console.log('refusals', totals)
})
