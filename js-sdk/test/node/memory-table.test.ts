import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MemoryTable } from '../../src/node/memory-table.js'

const steps = fc.array(
  fc.record({ seq: fc.integer({ min: -5, max: 20 }), mark: fc.boolean(), gone: fc.boolean() }),
)

it('keeps its records in the order of their numbers, however they come and go', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const group = (seq: number) => (seq % 2 === 0 ? 'even' : 'odd')
      const table = new MemoryTable<{ group: string; mark: boolean }>(
        (record) => record.group,
        ({ mark }) => mark,
      )
      const model = new Map<number, { group: string; mark: boolean }>()
      for (const { seq, mark, gone } of steps) {
        const record = gone ? undefined : { group: group(seq), mark }
        table.set(seq, record)
        if (record) model.set(seq, record)
        else model.delete(seq)
      }
      const sorted = [...model.keys()].sort((one, other) => one - other)
      expect(table.numbers()).toEqual(sorted)
      expect(table.first()).toBe(sorted[0])
      expect(table.size).toBe(model.size)
      for (const name of ['even', 'odd'])
        expect(table.numbersOf(name)).toEqual(sorted.filter((seq) => group(seq) === name))
      expect(table.groups().sort()).toEqual([...new Set(sorted.map(group))].sort())
      expect([...table.marked.keys()].sort()).toEqual(sorted.filter((seq) => model.get(seq)?.mark).sort())
      expect(sorted).not.toContain(table.next())
    }),
  )
})
