/**
 * Positions as the binary chunks of a track document, layout 1.
 *
 * In come fixes from a device, out goes a chunk; in comes a chunk from a document, out go its fixes or one
 * ChunkError. Knows no document and judges no position. The format, column by column:
 *
 *     chunk    = version=1  varuint(count)  varuint(first sequence)  varuint(columns)
 *                times  latitudes  longitudes  optional columns by rising bit
 *     times    = first, then first step, then the changes of the step      ms since 1970
 *     others   = first, then the changes                                   1e-7 degrees, 0.1 m, 0.01 m/s, ...
 *     optional = presence bitmap, then the values of the fixes present
 *
 * `docs/layout.md` has the whole of it with worked examples. Scaled values are rounded by
 * floor(value * scale + 0.5), which IEEE 754 gives alike in every language; every column value is within
 * 2**50, so that no sum or difference leaves 53 bits.
 */

import { ChunkError, LayoutError } from '../errors.js'
import { canonicalJson, parseJson } from './json-text.js'
import { isPlainObject } from './layout.js'
import { ByteReader, writeVaruint, writeZigzags } from './varint.js'

/** More fixes than this in one chunk are refused, so that a reader's work per chunk is bounded. */
export const MAX_FIXES = 1000

const CHUNK_VERSION = 1
const MAX_COLUMN_VALUE = 2 ** 50 - 1
const DEGREE_SCALE = 10_000_000

/** One position as a device recorded it; a missing field is what the device doesn't know. */
export interface Fix {
  /** Counts the fixes of the device; rises by one inside a chunk. */
  readonly sequence: number
  /** Whole milliseconds since 1970. */
  readonly fixTimeMs: number
  /** Degrees. */
  readonly latitude: number
  readonly longitude: number
  readonly altitudeM?: number | undefined
  readonly speedMps?: number | undefined
  readonly headingDeg?: number | undefined
  /** Radius in metres. */
  readonly accuracyM?: number | undefined
  /** The device's own clock when it recorded the fix, whole milliseconds since 1970. */
  readonly deviceTimeMs?: number | undefined
  /** The receiver's own judgement. */
  readonly valid?: boolean | undefined
  /** JSON. */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined
}

/** The optional columns in the order in which they stand in a chunk; the bit of each is 2 ** index. */
const COLUMNS = [
  'altitudeM',
  'speedMps',
  'headingDeg',
  'accuracyM',
  'deviceTimeMs',
  'valid',
  'attributes',
] as const
const SCALES = {
  latitude: DEGREE_SCALE,
  longitude: DEGREE_SCALE,
  altitudeM: 10,
  speedMps: 100,
  headingDeg: 10,
  accuracyM: 10,
}

type Column = (typeof COLUMNS)[number]
type Measure = keyof typeof SCALES

/**
 * Pack 1 to MAX_FIXES fixes of one device, their sequences rising by one. The same fixes give the same bytes.
 * Throws LayoutError naming the fix and the field that can't be packed.
 */
export function encodeChunk(fixes: readonly Fix[]): Uint8Array<ArrayBuffer> {
  const first = requireOneRun(fixes)
  const optional = COLUMNS.map((column) => encodeColumn(fixes, column))
  const columns = optional.reduce((sum, body, index) => (body.length ? sum + 2 ** index : sum), 0)
  const chunk = [CHUNK_VERSION]
  for (const number of [fixes.length, first, columns]) writeVaruint(chunk, number)
  const [time, ...steps] = changes(fixes.map((fix) => bounded(fix.fixTimeMs, fix, 'fixTimeMs')))
  writeZigzags(chunk, [time as number, ...changes(steps)])
  writeZigzags(chunk, changes(fixes.map((fix) => units(fix, 'latitude'))))
  writeZigzags(chunk, changes(fixes.map((fix) => units(fix, 'longitude'))))
  return Uint8Array.from([chunk, ...optional].flat())
}

function requireOneRun(fixes: readonly Fix[]): number {
  const [head] = fixes
  if (!head || fixes.length > MAX_FIXES) {
    throw new LayoutError('fixes', `are ${fixes.length}; a chunk holds 1 to ${MAX_FIXES}`)
  }
  const first = head.sequence
  if (!(Number.isInteger(first) && first >= 0 && first <= Number.MAX_SAFE_INTEGER - fixes.length + 1)) {
    throw new LayoutError(`fix ${first}`, 'has a sequence outside 0 to 2**53 - 1')
  }
  fixes.forEach(({ sequence }, index) => {
    if (sequence !== first + index) {
      throw new LayoutError(`fix ${sequence}`, `stands where ${first + index} comes next`)
    }
  })
  return first
}

/** The first value, then what each differs from the one before; `sums` is the way back. */
function changes(values: readonly number[]): number[] {
  return values.map((value, index) => value - (values[index - 1] ?? 0))
}

function refused(fix: Fix, name: string, problem: string): LayoutError {
  return new LayoutError(`fix ${fix.sequence}: ${name}`, problem)
}

function bounded(value: number, fix: Fix, name: string): number {
  if (!Number.isInteger(value)) throw refused(fix, name, 'is no whole number')
  if (Math.abs(value) > MAX_COLUMN_VALUE) throw refused(fix, name, 'is beyond 2**50 units of a chunk')
  return value
}

function units(fix: Fix, name: Measure): number {
  const scaled = (fix[name] as number) * SCALES[name]
  if (!Number.isFinite(fix[name]) || !Number.isFinite(scaled)) throw refused(fix, name, 'is no finite number')
  return bounded(Math.floor(scaled + 0.5), fix, name)
}

/** Presence bitmap and values of a column, or nothing if no fix has a value. */
function encodeColumn(fixes: readonly Fix[], column: Column): number[] {
  const presence = fixes.map((fix) => has(fix, column))
  const present = fixes.filter((_, index) => presence[index])
  if (!present.length) return []
  const body = packBits(presence)
  if (column === 'valid') {
    body.push(...packBits(present.map((fix) => fix.valid === true)))
  } else if (column === 'attributes') {
    for (const fix of present) {
      writeText(body, canonicalJson(fix.attributes, `fix ${fix.sequence}: attributes`))
    }
  } else {
    const offset = (fix: Fix) => bounded((fix.deviceTimeMs as number) - fix.fixTimeMs, fix, column)
    writeZigzags(
      body,
      changes(present.map((fix) => (column === 'deviceTimeMs' ? offset(fix) : units(fix, column)))),
    )
  }
  return body
}

function has(fix: Fix, column: Column): boolean {
  const value = fix[column] ?? undefined // null, as browsers give it for an unknown speed, is no value either
  return value !== undefined && (column !== 'attributes' || Object.keys(value).length > 0)
}

function writeText(target: number[], text: string): void {
  const bytes = new TextEncoder().encode(text)
  writeVaruint(target, bytes.length)
  for (const byte of bytes) target.push(byte)
}

/** One bit each, the lowest bit of the first byte first, unused bits zero. */
function packBits(bits: readonly boolean[]): number[] {
  const bytes: number[] = new Array(Math.ceil(bits.length / 8)).fill(0)
  bits.forEach((bit, index) => {
    if (bit) bytes[index >> 3] = (bytes[index >> 3] as number) + 2 ** (index % 8)
  })
  return bytes
}

type Draft = { -readonly [Name in keyof Fix]: Fix[Name] }

/**
 * Unpack a chunk's fixes in the order of their sequences. Throws ChunkError for an unknown version, a length
 * that doesn't fit, bytes that are left over, and whatever else `encodeChunk` doesn't write; only the JSON of
 * attributes may be formatted freely.
 */
export function decodeChunk(chunk: Uint8Array): Fix[] {
  const reader = new ByteReader(chunk)
  const { count, first, columns } = readHeader(reader)
  const times = readTimes(reader, count)
  const latitudes = readSums(reader, count)
  const longitudes = readSums(reader, count)
  const fixes = times.map(
    (fixTimeMs, index): Draft => ({
      sequence: first + index,
      fixTimeMs,
      latitude: (latitudes[index] as number) / DEGREE_SCALE,
      longitude: (longitudes[index] as number) / DEGREE_SCALE,
    }),
  )
  COLUMNS.forEach((column, index) => {
    if (Math.floor(columns / 2 ** index) % 2) readColumn(reader, fixes, column)
  })
  if (reader.remaining) throw new ChunkError(reader.offset, `${reader.remaining} bytes are left over`)
  return fixes
}

function readHeader(reader: ByteReader): { count: number; first: number; columns: number } {
  if (!reader.remaining) throw new ChunkError(0, 'the chunk is empty')
  const [version] = reader.readBytes(1)
  if (version !== CHUNK_VERSION) throw new ChunkError(0, `version ${version} is unknown`)
  let start = reader.offset
  const count = reader.readVaruint()
  if (count < 1 || count > MAX_FIXES) {
    throw new ChunkError(start, `${count} fixes are announced; a chunk holds 1 to ${MAX_FIXES}`)
  }
  start = reader.offset
  const first = reader.readVaruint()
  if (first > Number.MAX_SAFE_INTEGER - count + 1) {
    throw new ChunkError(start, 'the last sequence has more than 53 bits')
  }
  start = reader.offset
  const columns = reader.readVaruint()
  if (columns >= 2 ** COLUMNS.length) throw new ChunkError(start, `columns ${columns} are unknown`)
  return { count, first, columns }
}

function sums(changes: readonly number[]): number[] {
  let sum = 0
  return changes.map((change) => {
    sum += change
    return sum
  })
}

function readTimes(reader: ByteReader, count: number): number[] {
  const start = reader.offset
  const [first, ...changesOfSteps] = reader.readZigzags(count)
  return inBounds(start, sums([first as number, ...sums(changesOfSteps)]))
}

function readSums(reader: ByteReader, count: number): number[] {
  const start = reader.offset
  return inBounds(start, sums(reader.readZigzags(count)))
}

/** Up to the first value that leaves the bounds all sums are exact, so no later rounding can hide it. */
function inBounds(start: number, values: number[]): number[] {
  if (values.every((value) => Math.abs(value) <= MAX_COLUMN_VALUE)) return values
  throw new ChunkError(start, 'the column that starts here leaves 2**50 units')
}

/** Set the column on the fixes whose bit in its bitmap is set. */
function readColumn(reader: ByteReader, fixes: readonly Draft[], column: Column): void {
  const start = reader.offset
  const presence = readBits(reader, fixes.length)
  const present = fixes.filter((_, index) => presence[index])
  if (!present.length) throw new ChunkError(start, 'the column that starts here is empty')
  if (column === 'valid') {
    const bits = readBits(reader, present.length)
    present.forEach((fix, index) => {
      fix.valid = bits[index]
    })
  } else if (column === 'attributes') {
    for (const fix of present) fix.attributes = readAttributes(reader)
  } else {
    readSums(reader, present.length).forEach((value, index) => {
      const fix = present[index] as Draft
      fix[column] = column === 'deviceTimeMs' ? fix.fixTimeMs + value : value / SCALES[column]
    })
  }
}

function readBits(reader: ByteReader, count: number): boolean[] {
  const start = reader.offset
  const bytes = reader.readBytes(Math.ceil(count / 8))
  const bits = Array.from(
    { length: bytes.length * 8 },
    (_, index) => (((bytes[index >> 3] as number) >> (index % 8)) & 1) === 1,
  )
  if (bits.lastIndexOf(true) >= count) throw new ChunkError(start, 'a bitmap has bits beyond its last fix')
  return bits.slice(0, count)
}

function readAttributes(reader: ByteReader): Readonly<Record<string, unknown>> {
  const start = reader.offset
  const bytes = reader.readBytes(reader.readVaruint())
  try {
    const attributes = parseJson(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
      'attributes',
    )
    if (isPlainObject(attributes)) return attributes
  } catch (error) {
    if (error instanceof LayoutError) throw new ChunkError(start, `the JSON of attributes ${error.problem}`)
    throw new ChunkError(start, 'attributes are no UTF-8')
  }
  throw new ChunkError(start, 'attributes are no JSON object')
}
