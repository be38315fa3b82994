import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReadMarks } from '../../src/wire/read-marks.js'

/** A server that reads frames in order and answers each ping once. */
function run(steps: readonly ('send' | 'heartbeat' | 'read' | 'lose')[]) {
  const wire: ('ping' | number)[] = []
  const read = new Set<number>()
  const told: { update: number; wasRead: boolean }[] = []
  const marks = new ReadMarks(() => ping())
  const ping = () => {
    wire.push('ping')
    marks.pinged()
  }
  let updates = 0
  const serverReads = () => {
    const frame = wire.shift()
    if (frame === 'ping') marks.ponged()
    else if (frame !== undefined) read.add(frame)
  }
  for (const step of steps) {
    if (step === 'send') {
      const update = updates++
      wire.push(update)
      marks.ask(() => told.push({ update, wasRead: read.has(update) }))
    } else if (step === 'heartbeat') ping()
    else if (step === 'read') serverReads()
    else {
      wire.length = 0
      read.clear()
      marks.lost()
    }
  }
  while (wire.length > 0) serverReads()
  return { told, updates }
}

const step = fc.constantFrom('send', 'heartbeat', 'read', 'read', 'lose')

test('an update is called read only when it was, whatever pings are under way', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      expect(run(steps).told.every(({ wasRead }) => wasRead)).toBe(true)
    }),
  )
})

test('without a loss every update is called read once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { told, updates } = run(steps.filter((each) => each !== 'lose'))
      expect(told.map(({ update }) => update).sort((a, b) => a - b)).toEqual([...Array(updates).keys()])
    }),
  )
})
