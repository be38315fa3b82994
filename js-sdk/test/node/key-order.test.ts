import { IDBFactory } from 'fake-indexeddb'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Key } from '../../src/layout/keys.js'
import { compareKeys } from '../../src/node/key-order.js'

const simple: fc.Arbitrary<Key> = fc.oneof(
  fc.double({ noNaN: true }),
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ minLength: 1, maxLength: 3 }), // fake-indexeddb takes an empty buffer for a detached one
)
const key: fc.Arbitrary<Key> = fc.oneof(simple, fc.array(simple, { maxLength: 3 }))

it('orders keys as IndexedDB does', () => {
  const indexedDB = new IDBFactory()
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(Math.sign(compareKeys(one, other))).toBe(indexedDB.cmp(one, other))
    }),
  )
})
