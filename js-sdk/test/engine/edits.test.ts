import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { RowEdit, Stored } from '../../src/contract.js'
import { byRow, coalesce, difference, overlay } from '../../src/engine/edits.js'
import { foldEdits, mergeUpdates, readRow } from '../../src/engine/rows.js'
import { same, sizeOf } from '../../src/engine/stored.js'

const names = fc.constantFrom('a', 'b', 'c', '__proto__')
const fields = fc.dictionary(names, fc.integer({ min: 0, max: 3 }) as fc.Arbitrary<Stored>, {
  noNullPrototype: true,
})
const edit: fc.Arbitrary<RowEdit> = fc.oneof(
  fields.map((set): RowEdit => ({ k: 'r', ins: true, set })),
  fc.record({ set: fields, gone: fc.array(names, { maxLength: 2 }) }).map(({ set, gone }): RowEdit => {
    return { k: 'r', set, unset: gone.filter((name) => !Object.hasOwn(set, name)) }
  }),
  fc.constant<RowEdit>({ k: 'r', del: true }),
)
const row = fc.option(fields, { nil: null })

function documentWith(fields: Record<string, Stored> | null): Y.Doc {
  const doc = new Y.Doc()
  if (fields) foldEdits(doc, byRow([{ k: 'r', ins: true, set: fields }]), 'id')
  return doc
}

describe('edits', () => {
  it('show the same row before they are folded as after', () => {
    fc.assert(
      fc.property(row, fc.array(edit, { maxLength: 8 }), fc.nat(8), (before, edits, cut) => {
        const doc = documentWith(before)
        const shown = overlay(before, edits)
        foldEdits(doc, byRow(edits.slice(0, cut)), 'id')
        expect(overlay(readRow(doc, 'r'), edits.slice(cut))).toEqual(shown)
        foldEdits(doc, byRow(edits.slice(cut)), 'id')
        expect(readRow(doc, 'r')).toEqual(shown)
      }),
    )
  })

  it('are coalesced to at most a delete and one change', () => {
    fc.assert(
      fc.property(row, fc.array(edit, { maxLength: 8 }), (before, edits) => {
        const short = coalesce(before !== null, edits)
        expect(short.edits.length).toBeLessThanOrEqual(2)
        expect(overlay(before, short.edits)).toEqual(overlay(before, edits))
      }),
    )
  })

  it('that add a row which is there already may also take fields out of it', () => {
    const edits: RowEdit[] = [
      { k: 'r', ins: true, set: {} },
      { k: 'r', unset: ['b'] },
    ]
    const short = coalesce(true, edits)
    expect(short.edits).toHaveLength(1)
    expect(overlay({ b: 0 }, short.edits)).toEqual({})
  })

  it('are the difference of two rows', () => {
    fc.assert(
      fc.property(row, fields, (before, after) => {
        const edit = difference('r', before, after)
        expect(overlay(before, edit ? [edit] : [])).toEqual(after)
      }),
    )
  })

  it('of a row that is gone are orphans, unless the row is deleted later', () => {
    const change: RowEdit = { k: 'r', set: { a: 1 } }
    const add: RowEdit = { k: 'r', ins: true, set: { b: 1 } }
    expect(coalesce(false, [change, { k: 'r', set: { c: 2 }, unset: ['a'] }]).orphan).toEqual({
      k: 'r',
      set: { c: 2 },
      unset: ['a'],
    })
    expect(coalesce(false, [change, add])).toEqual({ edits: [add], orphan: change })
    expect(coalesce(false, [change, { k: 'r', del: true }])).toEqual({ edits: [], orphan: null })
  })

  it('of one field, 5,000 times on 100 rows, are a small update', () => {
    const doc = new Y.Doc()
    const rows = Array.from({ length: 100 }, (_, i) => `row-${i}`)
    foldEdits(doc, byRow(rows.map((k): RowEdit => ({ k, ins: true, set: { n: 0 } }))), 'id')
    const edits = Array.from({ length: 5000 }, (_, i): RowEdit => ({ k: `row-${i % 100}`, set: { n: i } }))
    expect(foldEdits(doc, byRow(edits), 'id').update?.length).toBeLessThan(2500)
  })
})

describe('rows in a document', () => {
  it('merge field by field', () => {
    const [one, two] = [documentWith({ a: 0, b: 0 }), new Y.Doc()]
    Y.applyUpdate(two, Y.encodeStateAsUpdate(one))
    const first = foldEdits(one, byRow([{ k: 'r', set: { a: 1 } }]), 'id').update as Uint8Array
    const second = foldEdits(two, byRow([{ k: 'r', set: { b: 2 } }]), 'id').update as Uint8Array
    mergeUpdates(one, [second], new Set())
    mergeUpdates(two, [first], new Set())
    expect(readRow(one, 'r')).toEqual({ a: 1, b: 2 })
    expect(readRow(two, 'r')).toEqual({ a: 1, b: 2 })
  })

  it('lose a concurrent edit to a delete', () => {
    const [one, two] = [documentWith({ a: 0 }), new Y.Doc()]
    Y.applyUpdate(two, Y.encodeStateAsUpdate(one))
    const gone = foldEdits(one, byRow([{ k: 'r', del: true }]), 'id').update as Uint8Array
    foldEdits(two, byRow([{ k: 'r', set: { a: 1 } }]), 'id')
    expect([...mergeUpdates(two, [gone], new Set()).keys]).toEqual(['r'])
    expect(readRow(two, 'r')).toBeNull()
  })

  it('say in meta which layout and codec they have', () => {
    const doc = documentWith({ a: 0 })
    expect(doc.getMap('meta').toJSON()).toEqual({ layout: 1, codec: 1, schema: 'id' })
  })

  it('say nothing where nothing changed', () => {
    const doc = documentWith({ a: 1 })
    expect(foldEdits(doc, byRow([{ k: 'r', ins: true, set: { a: 1 } }]), 'id').update).toBeNull()
    expect(mergeUpdates(doc, [Y.encodeStateAsUpdate(doc)], new Set())).toMatchObject({
      news: false,
      keys: new Set(),
    })
  })
})

describe('stored values', () => {
  it('are the same by content', () => {
    expect(same({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true)
    expect(same([1], { 0: 1 })).toBe(false)
    expect(same(new Uint8Array([1]), new Uint8Array([1]))).toBe(true)
    expect(same(new Uint8Array([1]), [1])).toBe(false)
    expect(same({ a: 1 }, { b: 1 })).toBe(false)
  })

  it('have about the size that they have in an update', () => {
    const set = { name: 'x'.repeat(50), n: 12345, list: [1, 2, 3], bytes: new Uint8Array(30) }
    const edits = Array.from({ length: 200 }, (_, i): RowEdit => ({ k: `row-${i}`, ins: true, set }))
    const size = foldEdits(new Y.Doc(), byRow(edits), 'id').update?.length as number
    const estimate = edits.reduce((sum, edit) => sum + sizeOf(edit), 0)
    expect(estimate / size).toBeGreaterThan(0.7)
    expect(estimate / size).toBeLessThan(1.6)
  })
})
