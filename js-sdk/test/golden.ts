/** The vectors of layout 1, shared with the Python tests; what JSON lacks is an object with the key `@`. */

import { readFileSync } from 'node:fs'

interface Refused {
  readonly path: string
  readonly problem: string
}

export interface ChunkVector {
  readonly about: string
  readonly fixes: readonly Record<string, unknown>[]
  readonly hex: string
  readonly decoded: readonly Record<string, unknown>[]
}

interface Layout {
  readonly names: {
    readonly good: readonly { readonly name: string; readonly kind: string }[]
    readonly bad: readonly { readonly name: string; readonly problem: string }[]
  }
  readonly keys: {
    readonly good: readonly { readonly key: unknown; readonly text: string }[]
    readonly bad: readonly (Refused & { readonly text: string })[]
  }
  readonly values: {
    readonly good: readonly { readonly value: unknown; readonly stored: unknown }[]
    readonly bad: readonly (Refused & { readonly stored: unknown })[]
    readonly refused: readonly (Refused & { readonly value: unknown })[]
  }
  readonly chunks: {
    readonly good: readonly ChunkVector[]
    readonly bad: readonly { about: string; hex: string; offset: number; reason: string }[]
    readonly refused: readonly (Refused & Pick<ChunkVector, 'about' | 'fixes'>)[]
  }
}

export const golden: Layout = JSON.parse(
  readFileSync(new URL('../../tests/golden/layout.json', import.meta.url), 'utf8'),
)

/** What a value that JSON lacks is written as. */
interface Noted {
  readonly '@': string
  readonly ms: number
  readonly digits: string
  readonly hex: string
  readonly kind: string
  readonly text: string
  readonly entries: readonly (readonly [unknown, unknown])[]
  readonly items: readonly unknown[]
}

/** The value of what a golden file says; see `tests/golden/notation.py`. */
export function fromNotation(noted: unknown): unknown {
  if (Array.isArray(noted)) return noted.map(fromNotation)
  if (typeof noted !== 'object' || noted === null) return noted
  const { '@': kind, ...rest } = noted as Noted
  switch (kind) {
    case 'date':
      return new Date(rest.ms)
    case 'bigint':
      return BigInt(rest.digits)
    case 'bytes':
      return fromHex(rest.hex)
    case 'view':
      return viewOf(rest.kind, fromHex(rest.hex))
    case 'map':
      return new Map(rest.entries.map(([key, value]) => [fromNotation(key), fromNotation(value)]))
    case 'set':
      return new Set(rest.items.map(fromNotation))
    case 'undefined':
      return undefined
    case 'number':
      return Number(rest.text)
  }
  return Object.fromEntries(Object.entries(noted).map(([name, item]) => [name, fromNotation(item)]))
}

function viewOf(kind: string, bytes: Uint8Array<ArrayBuffer>): unknown {
  return kind === 'ArrayBuffer' ? bytes.buffer : new globalThis[kind as 'DataView'](bytes.buffer)
}

export function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** What a call throws; a test fails if it doesn't. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
