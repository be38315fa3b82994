/**
 * What every codec of the layout shares: limits, plain forms of times and bytes, kinds of values.
 *
 * Comes in and goes out: plain values. Knows no document, no row and no clock.
 */

import { LayoutError } from '../errors.js'

/** Arrays and objects may be nested this deep; beyond it a recursive reader somewhere would give up. */
export const MAX_DEPTH = 64

const FIRST_TIME = -62_135_596_800_000
const LAST_TIME = 253_402_300_799_999

/** Refuse what is no instant in whole milliseconds of the years 1 to 9999, which every reader can show. */
export function requireTime(milliseconds: number, path: string): number {
  if (!(milliseconds >= FIRST_TIME && milliseconds <= LAST_TIME)) {
    throw new LayoutError(path, 'is a time outside the years 1 to 9999')
  }
  if (milliseconds % 1) throw new LayoutError(path, 'is a time with a fraction of a millisecond')
  return milliseconds + 0 // -0 is 0
}

/** Refuse text with half a surrogate pair, which UTF-8 and Postgres can't hold. */
export function requireWholeCharacters(text: string, path: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new LayoutError(path, 'holds half a surrogate pair')
  return text
}

/** Refuse a container at depth 0. */
export function requireDepth(depth: number, path: string): void {
  if (depth <= 0) throw new LayoutError(path, `is nested more than ${MAX_DEPTH} deep`)
}

/** What a value is: `Date`, `Float32Array`, ...; also for values of another frame, unlike `instanceof`. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

/** Whether it is an object without a class, as JSON has them. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (kindOf(value) !== 'Object') return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The bytes of an ArrayBuffer or of a view, and none around them. Always a copy. */
export function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
    : new Uint8Array(source.slice(0))
}

/** RFC 4648 base64 with padding. */
export function base64FromBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** The bytes before `base64FromBytes`. Throws LayoutError for text that it would not have written. */
export function bytesFromBase64(text: string, path: string): Uint8Array<ArrayBuffer> {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    if (base64FromBytes(bytes) === text) return bytes
  } catch {
    // Told below, like text that only atob takes for base64.
  }
  throw new LayoutError(path, 'holds no base64')
}
