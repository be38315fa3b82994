import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/node/crc32.js'
import { DamagedLog, encodeFrame, encodeHeader, HEADER_BYTES, readLog } from '../../src/node/log-format.js'

const payloads = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 })
const salts = fc.integer({ min: 0, max: 2 ** 32 - 1 })

function fileOf(salt: number, payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat([encodeHeader(salt), ...payloads.map((payload) => encodeFrame(salt, payload))])
}

describe('the log of a device', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(salts, payloads, (salt, payloads) => {
        const file = fileOf(salt, payloads)
        expect(readLog(file)).toMatchObject({ salt, end: file.length })
        expect(readLog(file).payloads.map((payload) => [...payload])).toEqual(payloads.map((p) => [...p]))
      }),
    )
  })

  it('ends at its last whole frame wherever it is cut, and whatever stands behind', () => {
    fc.assert(
      fc.property(salts, payloads, fc.nat(), fc.uint8Array({ maxLength: 40 }), (salt, payloads, at, rest) => {
        const file = fileOf(salt, payloads)
        const cut = HEADER_BYTES + (at % (file.length - HEADER_BYTES + 1))
        const read = readLog(Buffer.concat([file.subarray(0, cut), rest]))
        expect(read.end).toBeLessThanOrEqual(cut)
        expect(file.subarray(0, read.end)).toEqual(fileOf(salt, payloads.slice(0, read.payloads.length)))
        expect(fileOf(salt, payloads.slice(0, read.payloads.length + 1)).length).toBeGreaterThan(
          read.payloads.length < payloads.length ? cut - 1 : 0,
        )
      }),
    )
  })

  it('is damaged where something is unreadable before a whole frame: that is never cut', () => {
    fc.assert(
      fc.property(salts, fc.nat(), fc.integer({ min: 1, max: 255 }), (salt, at, flip) => {
        const first = encodeFrame(salt, Uint8Array.of(1, 2, 3, 4, 5))
        const file = Buffer.concat([encodeHeader(salt), first, encodeFrame(salt, Uint8Array.of(6))])
        const place = HEADER_BYTES + (at % first.length)
        file[place] = (file[place] as number) ^ flip
        expect(() => readLog(file)).toThrow(DamagedLog)
      }),
    )
  })

  it('does not take a frame of another log, kept inside a payload, for its own', () => {
    const other = fileOf(1, [Uint8Array.of(1)])
    const file = fileOf(2, [Uint8Array.of(9), other])
    expect(readLog(file.subarray(0, file.length - 1)).payloads).toHaveLength(1)
  })

  it('is not some other file', () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(100), new TextEncoder().encode('whs-log1')]) {
      expect(() => readLog(bytes)).toThrow(/no log of a device/)
    }
  })

  it('has the checksum that zlib has', () => {
    fc.assert(
      fc.property(fc.uint8Array(), salts, (bytes, start) => {
        expect(crc32(bytes, start)).toBe(zlibCrc32(bytes, start))
      }),
    )
  })
})
