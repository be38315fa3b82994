/**
 * Integers of up to 53 bits as few bytes, written and read strictly.
 *
 * In come integers, out go the bytes of LEB128 (as lib0's `writeVarUint`), and back. Signed ones are
 * zig-zagged first: 0, -1, 1, -2, ... become 0, 1, 2, 3. Knows no columns. No integer has two spellings.
 * Calculates with `*` and `/`, since the bit operators cut to 32 bits.
 */

import { ChunkError } from '../errors.js'

const MAX_BYTES = 8

/** Append an integer from 0 to 2**53 - 1, its low seven bits first. */
export function writeVaruint(target: number[], integer: number): void {
  let rest = integer
  while (rest > 127) {
    target.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  target.push(rest)
}

/** Append signed integers one after the other. */
export function writeZigzags(target: number[], integers: readonly number[]): void {
  for (const integer of integers) writeVaruint(target, integer >= 0 ? 2 * integer : -2 * integer - 1)
}

/**
 * Bytes and how far they are read. Invariants: 1. Nothing is read beyond the end. 2. What can't be
 * read is a ChunkError. 3. Memory follows the bytes that are there, not the counts that they claim.
 */
export class ByteReader {
  offset = 0

  constructor(private readonly data: Uint8Array) {}

  /** How many bytes are not read yet. */
  get remaining(): number {
    return this.data.length - this.offset
  }

  /** The next `length` bytes. */
  readBytes(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new ChunkError(this.offset, `${length} bytes are announced, ${this.remaining} are left`)
    }
    this.offset += length
    return this.data.subarray(this.offset - length, this.offset)
  }

  /** The next integer; refused are one cut off, beyond 53 bits or longer than needed. */
  readVaruint(): number {
    const start = this.offset
    let result = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.data[this.offset]
      if (byte === undefined) throw new ChunkError(start, 'the bytes end inside a number')
      this.offset += 1
      result += (byte % 128) * scale
      if (byte < 128) {
        if (result > Number.MAX_SAFE_INTEGER) throw new ChunkError(start, 'a number has more than 53 bits')
        if (byte === 0 && scale > 1) throw new ChunkError(start, 'a number is longer than it needs to be')
        return result
      }
      if (this.offset - start === MAX_BYTES) throw new ChunkError(start, 'a number has more than 8 bytes')
    }
  }

  /** The next `count` signed integers. */
  readZigzags(count: number): number[] {
    if (count > this.remaining) {
      throw new ChunkError(this.offset, `${count} numbers are announced, ${this.remaining} bytes are left`)
    }
    return Array.from({ length: count }, () => {
      const folded = this.readVaruint()
      return folded % 2 ? -(folded + 1) / 2 : folded / 2
    })
  }
}
