/** The order of primary keys, as IndexedDB has it: numbers, dates, text, bytes, compound ones. Pure. */
import type { Key } from '../layout/keys.js'
import { bytesOf, kindOf } from '../layout/layout.js'

/** Negative where the first stands before the other. */
export function compareKeys(one: Key, other: Key): number {
  const [rank, otherRank] = [rankOf(one), rankOf(other)]
  if (rank !== otherRank) return rank - otherRank
  if (Array.isArray(one)) return compareLists(one, other as Key[], compareKeys)
  if (rank === BYTES) {
    const [bytes, otherBytes] = [bytesOf(one as ArrayBuffer), bytesOf(other as ArrayBuffer)]
    return compareLists(bytes, otherBytes, (a, b) => a - b)
  }
  return one < other ? -1 : one > other ? 1 : 0
}

const BYTES = 3

function rankOf(key: Key): number {
  if (typeof key === 'number') return 0
  if (kindOf(key) === 'Date') return 1
  if (typeof key === 'string') return 2
  return Array.isArray(key) ? 4 : BYTES
}

function compareLists<Item>(
  one: ArrayLike<Item>,
  other: ArrayLike<Item>,
  compare: (one: Item, other: Item) => number,
): number {
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const order = compare(one[index] as Item, other[index] as Item)
    if (order !== 0) return order
  }
  return one.length - other.length
}
