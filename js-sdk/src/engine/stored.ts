/** Equality and size of stored values. Pure. */
import type { RowEdit, Stored } from '../contract.js'

export type Fields = Readonly<Record<string, Stored>>

/** Whether two values are stored the same; the order of an object's names does not count. */
export function same(a: Stored | undefined, b: Stored | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return (
      a instanceof Uint8Array &&
      b instanceof Uint8Array &&
      a.length === b.length &&
      a.every((x, i) => x === b[i])
    )
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => same(x, b[i]))
  }
  return sameFields(a as Fields, b as Fields)
}

export function sameFields(a: Fields, b: Fields): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]))
  )
}

/** About how many bytes of a Yjs update an edit becomes: an item has 14 bytes beside its name and value. */
export function sizeOf(edit: RowEdit): number {
  let bytes = 20 + edit.k.length + 14 * (edit.unset?.length ?? 0)
  for (const [name, value] of Object.entries(edit.set ?? {})) bytes += 14 + name.length + sizeOfValue(value)
  return bytes
}

function sizeOfValue(value: Stored): number {
  if (typeof value === 'string') return 2 + value.length
  if (typeof value !== 'object' || value === null) return 9
  if (value instanceof Uint8Array) return 4 + value.length
  let bytes = 4
  for (const [name, item] of Object.entries(value)) {
    bytes += sizeOfValue(item) + (Array.isArray(value) ? 0 : name.length + 1)
  }
  return bytes
}
