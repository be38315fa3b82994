import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { RowEdit } from '../../src/contract.js'
import { byRow } from '../../src/engine/edits.js'
import { foldEdits, mergeUpdates, readRow } from '../../src/engine/rows.js'

/** A device in memory: a document, and what it has not sent yet. */
function device(clientID: number, base: Y.Doc | null = null) {
  const doc = new Y.Doc()
  doc.clientID = clientID
  if (base) Y.applyUpdate(doc, Y.encodeStateAsUpdate(base))
  const own = new Set([clientID])
  return {
    doc,
    edit: (...edits: RowEdit[]) => foldEdits(doc, byRow(edits), 'id').update as Uint8Array,
    merge: (...updates: Uint8Array[]) => mergeUpdates(doc, updates, own).repair,
  }
}

/** Deliver updates, and what repairs they cause, until nobody has anything to say. */
function exchange(devices: ReturnType<typeof device>[], updates: Uint8Array[]) {
  for (let round = updates; round.length > 0; ) {
    const next: Uint8Array[] = []
    for (const { merge } of devices) {
      const { update } = merge(...round)
      if (update) next.push(update)
    }
    round = next
  }
}

describe('the device whose row lost', () => {
  it.each([[[1, 2, 3]], [[3, 2, 1]], [[2, 3, 1]]])(
    'writes back what the winner lacks: three devices create one key (client ids %s)',
    (ids) => {
      const devices = ids.map((id) => device(id))
      const updates = devices.map(({ edit }, i) =>
        edit({ k: 's', ins: true, set: { [`f${i}`]: i, shared: i } }),
      )
      exchange(devices, updates)
      const rows = devices.map(({ doc }) => readRow(doc, 's'))
      expect(rows[0]).toMatchObject({ f0: 0, f1: 1, f2: 2 })
      expect(rows[1]).toEqual(rows[0])
      expect(rows[2]).toEqual(rows[0])
    },
  )

  it('writes nothing back when its row was replaced on purpose', () => {
    const mine = device(9)
    const first = mine.edit({ k: 's', ins: true, set: { a: 1 } })
    const other = device(2)
    other.merge(first)
    const replaced = other.edit({ k: 's', del: true }, { k: 's', ins: true, set: { b: 2 } })
    expect(mine.merge(replaced).update).toBeNull()
    expect(readRow(mine.doc, 's')).toEqual({ b: 2 })
  })

  it('sees the purpose through a chain of replacements', () => {
    const mine = device(9)
    const first = mine.edit({ k: 's', ins: true, set: { a: 1 } })
    const other = device(2)
    other.merge(first)
    const second = other.edit({ k: 's', del: true }, { k: 's', ins: true, set: { b: 2 } })
    const third = other.edit({ k: 's', del: true }, { k: 's', ins: true, set: { c: 3 } })
    expect(mine.merge(second, third).update).toBeNull()
  })

  it('does not bring back fields that it had taken out itself', () => {
    const mine = device(1)
    const other = device(2)
    const updates = [
      mine.edit({ k: 's', ins: true, set: { a: 1, gone: 1 } }),
      mine.edit({ k: 's', set: { kept: 2 }, unset: ['gone'] }),
    ]
    const theirs = other.edit({ k: 's', ins: true, set: { b: 1 } })
    expect(mine.merge(theirs).edits).toEqual([{ k: 's', set: { a: 1, kept: 2 } }])
    exchange([mine, other], updates)
    expect(readRow(mine.doc, 's')).toEqual({ a: 1, kept: 2, b: 1 })
  })

  it('writes back what it had written into a row that another device made', () => {
    const maker = device(1)
    const writer = device(3)
    const winner = device(9)
    const made = maker.edit({ k: 's', ins: true, set: { a: 1 } })
    writer.merge(made)
    const written = writer.edit({ k: 's', set: { b: 2 } })
    const other = winner.edit({ k: 's', ins: true, set: { c: 3 } })
    expect(maker.merge(other).edits).toEqual([{ k: 's', set: { a: 1 } }])
    expect(writer.merge(other).edits).toEqual([{ k: 's', set: { b: 2 } }])
    exchange([maker, writer, winner], [made, written, other])
  })

  it('leaves the rows of others alone', () => {
    const watcher = device(5)
    const one = device(1).edit({ k: 's', ins: true, set: { a: 1 } })
    const two = device(2).edit({ k: 's', ins: true, set: { b: 1 } })
    watcher.merge(one)
    expect(watcher.merge(two).update).toBeNull()
  })
})

describe('the insides of Yjs that the repair reads', () => {
  it('are what they were in 13.6', () => {
    const doc = new Y.Doc()
    const rows = doc.getMap('rows')
    rows.set('k', new Y.Map([['a', 1]]))
    const first = rows._map.get('k') as Y.Item
    expect((rows.get('k') as Y.Map<unknown>)._item).toBe(first)
    expect(first.origin).toBeNull()
    rows.set('k', new Y.Map([['b', 2]]))
    const second = rows._map.get('k') as Y.Item
    expect(Y.compareIDs(second.origin, first.id)).toBe(true)
    expect(second.left?.id).toEqual(first.id)
    const inner = (rows.get('k') as Y.Map<unknown>)._map.get('b') as Y.Item
    expect(inner.content.getContent()).toEqual([2])
    let seen: unknown
    rows.observe((event) => {
      const old = event.changes.keys.get('k')?.oldValue as Y.Map<unknown>
      const item = old._map.get('b') as Y.Item
      seen = [event.deletes(item), item.content.getContent()]
    })
    rows.delete('k')
    expect(seen).toEqual([true, [2]])
  })
})
