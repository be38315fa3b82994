/** Which values of a row an index holds, as IndexedDB sees it: paths, compound and multi-entry, valid keys only. */
import { cmp, type IndexableType } from 'dexie'
import type { IndexSpec } from '../schema.js'

export function indexValues(row: object, { keyPath, multi }: IndexSpec): IndexableType[] {
  const value = typeof keyPath === 'string' ? at(row, keyPath) : keyPath.map((path) => at(row, path))
  const values = multi && Array.isArray(value) ? value : [value]
  return values.filter(isKey)
}

/** Whether IndexedDB takes it as a key. */
export function isKey(value: unknown): value is IndexableType {
  return Array.isArray(value) ? value.every(isKey) : cmp(value, value) === 0
}

function at(row: object, path: string): unknown {
  let value: unknown = row
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value
}
