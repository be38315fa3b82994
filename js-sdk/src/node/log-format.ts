/**
 * The bytes of a device's log. In: payloads; out: the bytes of a file, and back. Pure: knows no file and nothing of
 * what a payload says.
 *
 *     file   = header frame*
 *     header = "whs-log1" salt crc(the 12 bytes before)       16 bytes, numbers little-endian, 32 bits
 *     frame  = "WHSF" length crc(salt length payload) payload  12 bytes before the payload
 *
 * The salt is random for each file, so that no frame of another log, kept inside a payload, is taken for one of
 * this log.
 *
 * One frame is written at a time and nothing after it until the disk has it. So a power cut can spoil the end of
 * the last frame and nothing else: what can't be read at the end is cut. Where a whole frame comes after the
 * unreadable one, the disk has lost what it had promised to keep; that is damage, and is never cut.
 */
import { crc32 } from './crc32.js'

const MAGIC = new TextEncoder().encode('whs-log1')
const MARK = new TextEncoder().encode('WHSF')
export const HEADER_BYTES = 16
const FRAME_HEADER_BYTES = 12

/** What a file holds, as far as it can be read. */
export interface ReadLog {
  readonly salt: number
  readonly payloads: readonly Uint8Array[]
  /** Where the last whole frame ends; what follows was being written when the power went. */
  readonly end: number
}

/** A log that no power cut leaves behind: `offset` is the byte at which that shows. */
export class DamagedLog extends Error {
  override readonly name = 'DamagedLog'

  constructor(
    readonly offset: number,
    problem: string,
  ) {
    super(`${problem} (byte ${offset})`)
  }
}

/** The first bytes of a file. `salt`: 32 random bits. */
export function encodeHeader(salt: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  view.setUint32(8, salt, true)
  view.setUint32(12, crc32(bytes.subarray(0, 12)), true)
  return bytes
}

/** One payload as a frame of the file with this salt. */
export function encodeFrame(salt: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length)
  const view = new DataView(bytes.buffer)
  bytes.set(MARK)
  view.setUint32(4, payload.length, true)
  bytes.set(payload, FRAME_HEADER_BYTES)
  view.setUint32(8, checksum(salt, bytes.subarray(4, 8), payload), true)
  return bytes
}

/** Read a file. Throws DamagedLog for what a power cut can't have done. */
export function readLog(bytes: Uint8Array): ReadLog {
  const salt = readHeader(bytes)
  const payloads: Uint8Array[] = []
  let end = HEADER_BYTES
  for (let payload = frameAt(bytes, end, salt); payload; payload = frameAt(bytes, end, salt)) {
    payloads.push(payload)
    end += FRAME_HEADER_BYTES + payload.length
  }
  const later = nextFrame(bytes, end + 1, salt)
  if (later !== null)
    throw new DamagedLog(end, `what is stored here can't be read, though frames follow at ${later}`)
  return { salt, payloads, end }
}

function readHeader(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isWhole = bytes.length >= HEADER_BYTES && MAGIC.every((byte, index) => bytes[index] === byte)
  if (!isWhole || view.getUint32(12, true) !== crc32(bytes.subarray(0, 12))) {
    throw new DamagedLog(0, 'this is no log of a device, or of another version')
  }
  return view.getUint32(8, true)
}

function frameAt(bytes: Uint8Array, offset: number, salt: number): Uint8Array | null {
  const start = offset + FRAME_HEADER_BYTES
  if (start > bytes.length || !MARK.every((byte, index) => bytes[offset + index] === byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FRAME_HEADER_BYTES)
  const length = view.getUint32(4, true)
  if (length > bytes.length - start) return null
  const payload = bytes.subarray(start, start + length)
  const expected = checksum(salt, bytes.subarray(offset + 4, offset + 8), payload)
  return view.getUint32(8, true) === expected ? payload : null
}

function nextFrame(bytes: Uint8Array, from: number, salt: number): number | null {
  for (let at = from; ; at++) {
    at = bytes.indexOf(MARK[0] as number, at)
    if (at < 0) return null
    if (frameAt(bytes, at, salt)) return at
  }
}

function checksum(salt: number, length: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(length, salt))
}
