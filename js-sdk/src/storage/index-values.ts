/** Which values of a row an index holds, as IndexedDB sees it: paths, compound and multi-entry, valid keys only. */
import type { Key } from '../layout/keys.js'
import { kindOf } from '../layout/layout.js'
import type { IndexSpec } from '../schema.js'

export function indexValues(row: object, { keyPath, multi }: IndexSpec): Key[] {
  const value = typeof keyPath === 'string' ? at(row, keyPath) : keyPath.map((path) => at(row, path))
  const values = multi && Array.isArray(value) ? value : [value]
  return values.filter(isKey)
}

/** Whether IndexedDB takes it as a key. */
export function isKey(value: unknown): value is Key {
  if (Array.isArray(value)) return value.every(isKey)
  if (typeof value === 'number') return !Number.isNaN(value)
  if (kindOf(value) === 'Date') return !Number.isNaN((value as Date).getTime())
  return typeof value === 'string' || kindOf(value) === 'ArrayBuffer' || ArrayBuffer.isView(value)
}

function at(row: object, path: string): unknown {
  let value: unknown = row
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value
}
