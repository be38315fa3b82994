/**
 * Field values as a Y.Map holds them.
 *
 * In come an app's values, out go values that every Yjs client reads alike, and back. Knows no document
 * and no column. JSON values and Uint8Array stay as they are; the rest is an object with the key `$t`:
 *
 *     {"$t": "d", "v": milliseconds}                a Date
 *     {"$t": "n", "v": "12345678901234567890"}      a BigInt
 *     {"$t": "b", "k": "Float32Array", "v": base64} another binary view, little-endian as all browsers are
 *     {"$t": "m", "v": [[key, value], ...]}         a Map
 *     {"$t": "s", "v": [item, ...]}                 a Set
 *     {"$t": "u"}                                   undefined in an array, Map or Set
 *
 * A user's own key of the form `$t`, `$$t`, ... gets one more `$`. Paths in errors look like `tags[2].since`.
 */

import type { Stored } from '../contract.js'
import { LayoutError, type Place, UnstorableValue } from '../errors.js'
import { requireFinite } from './json-text.js'
import {
  base64FromBytes,
  bytesFromBase64,
  bytesOf,
  isPlainObject,
  kindOf,
  MAX_DEPTH,
  requireDepth,
  requireTime,
  requireWholeCharacters,
} from './layout.js'

type Fields = Record<string, Stored>

const TAG = '$t'
const VIEW_KINDS =
  /^(ArrayBuffer|DataView|(Int(8|16|32)|Uint(8|8Clamped|16|32)|Float(32|64)|Big(Int|Uint)64)Array)$/
const INTEGER = /^(0|-?[1-9]\d{0,999})$/

/** Turn an app's value into what is stored. Throws UnstorableValue: table, key and the innermost field. */
export function encodeValue(value: unknown, where: Place & { readonly field: string }): Stored {
  return naming(where, () => encode(value, where.field, MAX_DEPTH))
}

/** Turn a stored value into the app's. Throws LayoutError for what `encodeValue` doesn't write. */
export function decodeValue(stored: unknown, path = 'value'): unknown {
  return decode(stored, path, MAX_DEPTH)
}

/**
 * Encode every field of a row. One that is undefined is left out, because apps write it to mean just that.
 * Throws UnstorableValue for the first that can't be stored.
 */
export function encodeFields(row: Readonly<Record<string, unknown>>, where: Place): Fields {
  const given = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))
  return naming(where, () => encodeMembers(given, '', MAX_DEPTH + 1))
}

/**
 * The row of a document's fields. A field that can't be read, as a foreign client may have written it, stays
 * in the document and is left out here; `refused` is told of each.
 */
export function decodeFields(
  fields: Readonly<Record<string, unknown>>,
  refused: (error: LayoutError) => void = () => {},
): Record<string, unknown> {
  const row: [string, unknown][] = []
  for (const [stored, value] of Object.entries(fields)) {
    const name = decodeFieldName(stored)
    try {
      row.push([name, decodeValue(value, name)])
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error
      refused(error)
    }
  }
  return Object.fromEntries(row)
}

/** Give a name that looks like `$t` one more `$`; others stay as they are. */
export function encodeFieldName(name: string): string {
  return /^\$+t$/.test(name) ? `$${name}` : name
}

/** The name before `encodeFieldName`. */
export function decodeFieldName(name: string): string {
  return /^\$\$+t$/.test(name) ? name.slice(1) : name
}

function naming<T>(where: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof LayoutError ? new UnstorableValue(where, error.path, error.problem) : error
  }
}

function encode(value: unknown, path: string, depth: number): Stored {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'string':
      return requireWholeCharacters(value, path)
    case 'number':
      return requireFinite(value, path)
    case 'undefined':
      throw new LayoutError(path, 'is undefined outside an array; leave the field out')
    case 'bigint':
      if (!INTEGER.test(String(value))) throw new LayoutError(path, 'is a BigInt of more than 1000 digits')
      return { [TAG]: 'n', v: String(value) }
  }
  if (value === null) return null
  const kind = kindOf(value)
  if (kind === 'Date') return { [TAG]: 'd', v: requireTime((value as Date).getTime(), path) }
  if (VIEW_KINDS.test(kind)) {
    const bytes = bytesOf(value as ArrayBuffer)
    return kind === 'Uint8Array' ? bytes : { [TAG]: 'b', k: kind, v: base64FromBytes(bytes) }
  }
  return encodeContainer(value, kind, path, depth)
}

function encodeContainer(value: unknown, kind: string, path: string, depth: number): Stored {
  requireDepth(depth, path)
  if (Array.isArray(value)) return encodeItems(value, path, depth)
  if (isPlainObject(value)) return encodeMembers(value, path, depth)
  if (kind === 'Set') return { [TAG]: 's', v: encodeItems(value as Set<unknown>, path, depth) }
  if (kind === 'Map') {
    const entries = Array.from(value as Map<unknown, unknown>, (pair) => encodeItems(pair, path, depth - 1))
    return { [TAG]: 'm', v: entries }
  }
  throw new LayoutError(path, `is a ${kind === 'Object' ? 'class instance' : kind}, which can't be stored`)
}

function encodeMembers(members: Readonly<Record<string, unknown>>, path: string, depth: number): Fields {
  // fromEntries, because assigning to `__proto__` would lose that member.
  return Object.fromEntries(
    Object.entries(members).map(([name, item]) => {
      const place = path ? `${path}.${name}` : name
      return [encodeFieldName(requireWholeCharacters(name, place)), encode(item, place, depth - 1)]
    }),
  )
}

function encodeItems(items: Iterable<unknown>, path: string, depth: number): Stored[] {
  return Array.from(items, (item, index) =>
    item === undefined ? { [TAG]: 'u' } : encode(item, `${path}[${index}]`, depth - 1),
  )
}

function decode(stored: unknown, path: string, depth: number): unknown {
  if (stored === null || typeof stored === 'boolean' || typeof stored === 'string') return stored
  if (typeof stored === 'number') return requireFinite(stored, path)
  const kind = kindOf(stored)
  if (kind === 'Uint8Array') return stored
  if (Array.isArray(stored)) {
    requireDepth(depth, path)
    return decodeItems(stored, path, depth)
  }
  if (!isPlainObject(stored)) throw new LayoutError(path, `is a ${kind}, which the layout has not`)
  if (Object.hasOwn(stored, TAG)) return decodeTagged(stored, path, depth)
  requireDepth(depth, path)
  return Object.fromEntries(
    Object.entries(stored).map(([name, item]) => [
      decodeFieldName(name),
      decode(item, `${path}.${name}`, depth - 1),
    ]),
  )
}

function decodeItems(stored: readonly unknown[], path: string, depth: number): unknown[] {
  return stored.map((item, index) =>
    isUndefined(item) ? undefined : decode(item, `${path}[${index}]`, depth - 1),
  )
}

function isUndefined(stored: unknown): boolean {
  return isPlainObject(stored) && stored[TAG] === 'u' && Object.keys(stored).length === 1
}

function decodeTagged(stored: Record<string, unknown>, path: string, depth: number): unknown {
  const { [TAG]: tag, k: kind, v: value } = stored
  const members = Object.keys(stored).length
  if (isUndefined(stored)) throw new LayoutError(path, 'is undefined outside an array')
  if (members === 2 && Object.hasOwn(stored, 'v')) {
    if (tag === 'd' && typeof value === 'number') return new Date(requireTime(value, path))
    if (tag === 'n' && typeof value === 'string' && INTEGER.test(value)) return BigInt(value)
    if (tag === 'm' && Array.isArray(value)) return new Map(decodeEntries(value, path, depth))
    if (tag === 's' && Array.isArray(value)) return new Set(decodeSet(value, path, depth))
  }
  if (members === 3 && tag === 'b' && typeof value === 'string' && typeof kind === 'string') {
    if (VIEW_KINDS.test(kind)) return decodeView(kind, bytesFromBase64(value, path), path)
  }
  throw new LayoutError(path, "has a tag that the codec doesn't know in this form")
}

function decodeSet(items: readonly unknown[], path: string, depth: number): unknown[] {
  requireDepth(depth, path)
  return decodeItems(items, path, depth)
}

function decodeEntries(entries: readonly unknown[], path: string, depth: number): [unknown, unknown][] {
  requireDepth(depth, path)
  return entries.map((entry) => {
    if (Array.isArray(entry) && entry.length === 2) {
      return decodeItems(entry, path, depth - 1) as [unknown, unknown]
    }
    throw new LayoutError(path, "holds a Map's entry that is no pair")
  })
}

function decodeView(kind: string, bytes: Uint8Array<ArrayBuffer>, path: string): unknown {
  if (kind === 'Uint8Array') return bytes
  if (kind === 'ArrayBuffer') return bytes.buffer
  const View = globalThis[kind as 'DataView']
  try {
    return new View(bytes.buffer)
  } catch {
    throw new LayoutError(path, `holds bytes that are no whole ${kind}`)
  }
}
