import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkError } from '../../src/errors.js'
import { ByteReader, writeVaruint, writeZigzags } from '../../src/layout/varint.js'

const natural = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.nat(53).map((bits) => 2 ** bits - 1),
)

test('integers of up to 53 bits come back', () => {
  fc.assert(
    fc.property(fc.array(natural), (integers) => {
      const bytes: number[] = []
      for (const integer of integers) writeVaruint(bytes, integer)
      const reader = new ByteReader(Uint8Array.from(bytes))
      expect(integers.map(() => reader.readVaruint())).toEqual(integers)
      expect(reader.remaining).toBe(0)
    }),
  )
})

test('signed integers of up to 52 bits come back', () => {
  const signed = fc.oneof(
    fc.integer(),
    fc.maxSafeInteger().map((integer) => Math.trunc(integer / 2) + 0),
  )
  fc.assert(
    fc.property(fc.array(signed), (integers) => {
      const bytes: number[] = []
      writeZigzags(bytes, integers)
      expect(new ByteReader(Uint8Array.from(bytes)).readZigzags(integers.length)).toEqual(integers)
    }),
  )
})

test('bytes are read as their one integer, or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) => {
      const reader = new ByteReader(bytes)
      try {
        const again: number[] = []
        writeVaruint(again, reader.readVaruint())
        expect(again).toEqual([...bytes.subarray(0, reader.offset)])
      } catch (error) {
        expect(error).toBeInstanceOf(ChunkError)
      }
    }),
  )
})

test('nothing is read beyond the end', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2))
  expect(() => reader.readBytes(3)).toThrow('3 bytes are announced, 2 are left (byte 0)')
  expect(() => reader.readZigzags(1e15)).toThrow('numbers are announced, 2 bytes are left (byte 0)')
  expect([...reader.readBytes(2)]).toEqual([1, 2])
  expect(() => reader.readVaruint()).toThrow('the bytes end inside a number (byte 2)')
})
