/**
 * Makes the client ids of Yjs repeat: who wins a concurrent write depends on them. Import it before yjs, which
 * takes its source of randomness when it is loaded.
 */
import { webcrypto } from 'node:crypto'

let state = 1

/** Begin again, from any text. */
export function reseed(text: string): void {
  state = 1
  for (let i = 0; i < text.length; i++) state = (Math.imul(state, 31) + text.charCodeAt(i)) | 0
}

function next(): number {
  // Mulberry32 (Tommy Ettinger, public domain).
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return (mixed ^ (mixed >>> 14)) >>> 0
}

Object.defineProperty(webcrypto, 'getRandomValues', {
  value: <T extends Uint8Array | Uint32Array>(array: T): T => {
    for (let i = 0; i < array.length; i++) array[i] = next()
    return array
  },
})
