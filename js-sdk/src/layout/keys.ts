/**
 * Primary keys as the string keys of a Y.Map.
 *
 * In comes a key as an IndexedDB table has it, out goes its one spelling, and back. Knows no table.
 *
 *     text      as it is, a leading # doubled        bus-7      ##7
 *     number    #n and the number as JavaScript      #n5        #n-0.5     #n1e+21
 *     date      #d and milliseconds since 1970       #d1700000000000
 *     compound  #a and a JSON array of spellings     #a["bus-7","#n1"]
 *     bytes     #b and base64 with padding           #bAAE=
 *
 * One key has one spelling: what `encodeKey` would have written otherwise is refused, for else one row
 * could stand in a document twice.
 */

import { LayoutError, UnstorableValue } from '../errors.js'
import { parseJson } from './json-text.js'
import {
  base64FromBytes,
  bytesFromBase64,
  bytesOf,
  kindOf,
  requireTime,
  requireWholeCharacters,
} from './layout.js'

/** What a primary key may be: what IndexedDB takes for one. */
export type Key = number | string | Date | ArrayBuffer | ArrayBufferView | Key[]

/** Spell a primary key. Throws UnstorableValue for what can't be a key (null, a boolean, NaN, ...). */
export function encodeKey(key: unknown, table = ''): string {
  try {
    return encode(key, 'key')
  } catch (error) {
    throw error instanceof LayoutError ? new UnstorableValue({ table }, '', error.problem) : error
  }
}

/**
 * Read a key's spelling; bytes come back as Uint8Array.
 * Throws LayoutError for anything that `encodeKey` doesn't write.
 */
export function decodeKey(text: string): Key {
  const path = `key '${text}'`
  const key = decode(text, path)
  const spelling = encode(key, path)
  if (spelling !== text) throw new LayoutError(path, `is spelled '${spelling}'`)
  return key
}

function encode(key: unknown, path: string): string {
  if (typeof key === 'string') {
    requireWholeCharacters(key, path)
    return key.startsWith('#') ? `#${key}` : key
  }
  const kind = kindOf(key)
  if (typeof key === 'number' && !Number.isNaN(key)) return `#n${key}`
  if (kind === 'Date') return `#d${requireTime((key as Date).getTime(), path)}`
  if (Array.isArray(key)) return `#a${JSON.stringify(key.map((part) => encode(part, path)))}`
  if (kind === 'ArrayBuffer' || ArrayBuffer.isView(key)) {
    return `#b${base64FromBytes(bytesOf(key as ArrayBuffer))}`
  }
  throw new LayoutError(path, `is a ${Number.isNaN(key) ? 'NaN' : kind}, which can't be a key`)
}

function decode(text: string, path: string): Key {
  if (!text.startsWith('#')) return text
  const rest = text.slice(2)
  switch (text[1]) {
    case '#':
      return text.slice(1)
    case 'n':
      return Number(rest)
    case 'd':
      return new Date(Number(rest))
    case 'a':
      return decodeParts(rest, path)
    case 'b':
      return bytesFromBase64(rest, path)
  }
  throw new LayoutError(path, 'starts with # but with none of ## #n #d #a #b')
}

function decodeParts(text: string, path: string): Key[] {
  const parts = parseJson(text, path)
  if (!Array.isArray(parts)) throw new LayoutError(path, 'is compound but no JSON array')
  return parts.map((part) => {
    if (typeof part !== 'string')
      throw new LayoutError(path, "is compound with a part that is no key's spelling")
    return decode(part, path)
  })
}
