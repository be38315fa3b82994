/**
 * JSON text that Python and JavaScript write byte for byte alike.
 *
 * In come JSON values, out goes their one canonical text (RFC 8785), and back. Knows nothing of what the
 * values mean. Stricter than `JSON`: only finite numbers, only whole characters, nesting up to MAX_DEPTH.
 */

import { LayoutError } from '../errors.js'
import { isPlainObject, kindOf, MAX_DEPTH, requireDepth, requireWholeCharacters } from './layout.js'

/** Write a JSON value: no spaces, keys by their UTF-16 units. Throws LayoutError for what is no JSON. */
export function canonicalJson(value: unknown, path: string, depth = MAX_DEPTH): string {
  if (typeof value === 'string') return JSON.stringify(requireWholeCharacters(value, path))
  if (typeof value === 'number') return String(requireFinite(value, path))
  if (value === null || typeof value === 'boolean') return String(value)
  const write = (item: unknown) => canonicalJson(item, path, depth - 1)
  if (Array.isArray(value)) {
    requireDepth(depth, path)
    return `[${Array.from(value, write).join()}]`
  }
  if (isPlainObject(value)) {
    requireDepth(depth, path)
    const members = Object.keys(value)
      .sort()
      .map((name) => `${write(name)}:${write(value[name])}`)
    return `{${members.join()}}`
  }
  throw new LayoutError(path, `is a ${kindOf(value)}, which JSON has not`)
}

/** Read JSON text as strictly as `canonicalJson` writes, but in any order and with any spaces. */
export function parseJson(text: string, path: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LayoutError(path, 'is no JSON')
  }
  check(value, path, MAX_DEPTH)
  return value
}

/** Refuse NaN and the infinities. */
export function requireFinite(number: number, path: string): number {
  if (!Number.isFinite(number)) throw new LayoutError(path, 'is no finite number')
  return number + 0 // -0 is 0
}

function check(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') requireWholeCharacters(value, path)
  // JSON.parse makes Infinity of 1e999.
  else if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    throw new LayoutError(path, 'holds a number that is not finite')
  } else if (typeof value === 'object' && value !== null) {
    requireDepth(depth, path)
    for (const [name, item] of Object.entries(value)) {
      check(name, path, depth)
      check(item, path, depth - 1)
    }
  }
}
