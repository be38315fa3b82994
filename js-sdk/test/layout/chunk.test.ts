import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkError, LayoutError } from '../../src/errors.js'
import { decodeChunk, encodeChunk, type Fix } from '../../src/layout/chunk.js'
import { type ChunkVector, fromHex, fromNotation, golden, thrownBy, toHex } from '../golden.js'

const camel = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())

function fixesOf(noted: ChunkVector['fixes']): Fix[] {
  return noted.map(
    (fix) =>
      Object.fromEntries(
        Object.entries(fix).map(([name, value]) => [camel(name), fromNotation(value)]),
      ) as unknown as Fix,
  )
}

test.each(golden.chunks.good)('$about', ({ fixes, hex, decoded }) => {
  expect(toHex(encodeChunk(fixesOf(fixes)))).toBe(hex)
  expect(decodeChunk(fromHex(hex))).toStrictEqual(fixesOf(decoded))
  expect(toHex(encodeChunk(decodeChunk(fromHex(hex))))).toBe(hex)
})

test.each(golden.chunks.bad)('refused: $about', ({ hex, offset, reason }) => {
  const error = thrownBy(() => decodeChunk(fromHex(hex))) as ChunkError
  expect(error).toBeInstanceOf(ChunkError)
  expect(error.offset).toBe(offset)
  // NaN is no JSON to JSON.parse, and a number that is not finite to Python.
  if (!hex.includes('4e614e')) expect(error.reason).toBe(reason)
})

test.each(golden.chunks.refused)('not packed: $about', ({ fixes, path, problem }) => {
  const error = thrownBy(() => encodeChunk(fixesOf(fixes))) as LayoutError
  expect(error).toBeInstanceOf(LayoutError)
  expect(error.path).toBe(camel(path))
  expect(error.problem).toBe(problem)
})

test.each([
  [{ latitude: '48.1' }, 'fix 7: latitude is no finite number'],
  [{ fixTimeMs: 0.5 }, 'fix 7: fixTimeMs is no whole number'],
  [{ fixTimeMs: Number.NaN }, 'fix 7: fixTimeMs is no whole number'],
  [{ deviceTimeMs: 1.5 }, 'fix 7: deviceTimeMs is no whole number'],
  [{ altitudeM: 2 ** 50 }, 'fix 7: altitudeM is beyond 2**50 units'],
  [{ sequence: 1.5 }, 'has a sequence outside 0 to 2**53 - 1'],
  [{ sequence: 2 ** 53 }, 'has a sequence outside 0 to 2**53 - 1'],
])('%o is refused', (change, problem) => {
  const fix = { sequence: 7, fixTimeMs: 5, latitude: 1, longitude: 2, ...change } as Fix
  expect(() => encodeChunk([fix])).toThrow(problem)
})

test('what a browser does not know is null there, and no value here', () => {
  const fix = { sequence: 1, fixTimeMs: 5, latitude: 1, longitude: 2 }
  const unknown = { speedMps: null, valid: undefined, attributes: {} } as unknown as Fix
  expect(encodeChunk([{ ...fix, ...unknown }])).toEqual(encodeChunk([fix]))
})

const FAR = 2 ** 50 - 1
const far = (scale: number) =>
  fc
    .oneof(
      fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }),
      fc.maxSafeInteger().map((integer) => integer % FAR),
    )
    .map((units) => (units + 0) / scale)
const attributes = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }), {
    minKeys: 1,
    maxKeys: 3,
  })
  .map((given) => JSON.parse(JSON.stringify(given)))
const bare = fc.record(
  {
    fixTimeMs: fc.oneof(far(1), fc.integer({ min: 1_795_435_200_000, max: 1_795_435_900_000 })),
    latitude: far(1e7),
    longitude: far(1e7),
    altitudeM: far(10),
    speedMps: far(100),
    headingDeg: far(10),
    accuracyM: far(10),
    delay: fc.integer({ min: -1000, max: 100_000 }),
    valid: fc.boolean(),
    attributes,
  },
  { requiredKeys: ['fixTimeMs', 'latitude', 'longitude'] },
)
const run = fc
  .tuple(
    fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER - 30)),
    fc.array(bare, { minLength: 1, maxLength: 30 }),
  )
  .map(([first, fixes]) =>
    fixes.map(({ delay, ...fix }, index): Fix => {
      const deviceTime = delay === undefined ? {} : { deviceTimeMs: fix.fixTimeMs + delay }
      return { sequence: first + index, ...fix, ...deviceTime }
    }),
  )

test('fixes on the grid of units come back as they went in', () => {
  fc.assert(
    fc.property(run, (fixes) => {
      expect(decodeChunk(encodeChunk(fixes))).toStrictEqual(fixes)
    }),
  )
})

test('any bytes are a chunk or a ChunkError', () => {
  const header = fc.constantFrom('010100', '010200', '01010001', '01010060', '0102007f', '01e807')
  const bytes = fc
    .tuple(header, fc.uint8Array({ maxLength: 40 }))
    .map(([start, rest]) => Uint8Array.from([...fromHex(start), ...rest]))
  fc.assert(
    fc.property(fc.oneof(bytes, fc.uint8Array()), (bytes) => {
      try {
        decodeChunk(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(ChunkError)
      }
    }),
    { numRuns: 5000 },
  )
})

test('one changed byte of a chunk never does worse than a ChunkError', () => {
  fc.assert(
    fc.property(run, fc.nat(), fc.nat(255), (fixes, place, byte) => {
      const bytes = encodeChunk(fixes)
      bytes[place % bytes.length] = byte
      try {
        const read = decodeChunk(bytes)
        // Only attributes may be spelled in several ways; everything else has one spelling.
        if (read.every((fix) => !fix.attributes)) expect(encodeChunk(read)).toEqual(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(ChunkError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('1000 fixes make a chunk, 1001 do not', () => {
  const fixes = Array.from({ length: 1001 }, (_, index) => ({
    sequence: index,
    fixTimeMs: index * 1000,
    latitude: 48 + index / 1e5,
    longitude: 11,
  }))
  expect(decodeChunk(encodeChunk(fixes.slice(1)))).toHaveLength(1000)
  expect(() => encodeChunk(fixes)).toThrow('are 1001; a chunk holds 1 to 1000')
})
