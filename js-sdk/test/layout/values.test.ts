import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LayoutError, UnstorableValue } from '../../src/errors.js'
import { decodeFields, decodeValue, encodeFields, encodeValue } from '../../src/layout/values.js'
import { fromNotation, golden, thrownBy } from '../golden.js'

const where = { table: 'vehicles', key: 'bus-7', field: 'value' }

test.each(golden.values.good)('value $value is stored as $stored', ({ value, stored }) => {
  expect(encodeValue(fromNotation(value), where)).toStrictEqual(fromNotation(stored))
  expect(decodeValue(fromNotation(stored))).toStrictEqual(fromNotation(value))
})

test.each(golden.values.bad)('stored $stored $problem', ({ stored, path, problem }) => {
  const error = thrownBy(() => decodeValue(fromNotation(stored))) as LayoutError
  expect(error).toBeInstanceOf(LayoutError)
  expect(error.path).toBe(path)
  expect(problem.replace(/has the tag .*, which/, 'has a tag that')).toBe(error.problem)
})

test.each(golden.values.refused)('$value $problem', ({ value, path, problem }) => {
  const error = thrownBy(() => encodeValue(fromNotation(value), where)) as UnstorableValue
  expect(error).toBeInstanceOf(UnstorableValue)
  expect(error.field).toBe(path)
  expect(error.message).toContain(problem)
})

const date = fc.date({
  min: new Date(-62_135_596_800_000),
  max: new Date(253_402_300_799_999),
  noInvalidDate: true,
})
const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$t', '$$t', 't', '$', 'v', 'k', '__proto__'),
)
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.maxSafeInteger(),
    fc.bigInt(),
    date,
    fc.uint8Array(),
    fc.oneof(fc.uint8ClampedArray(), fc.int8Array(), fc.uint16Array(), fc.int16Array()),
    fc.oneof(fc.uint32Array(), fc.int32Array(), fc.float32Array(), fc.float64Array()),
    fc.oneof(fc.bigInt64Array(), fc.bigUint64Array()),
    fc.uint8Array().map((bytes) => bytes.buffer),
    fc.uint8Array().map((bytes) => new DataView(bytes.buffer)),
    fc.array(fc.oneof(tie('value'), fc.constant(undefined)), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).value

test('a value comes back as it went in', () => {
  fc.assert(
    fc.property(value, (value) => {
      expect(decodeValue(encodeValue(value, where))).toEqual(value)
    }),
    { numRuns: 1000 },
  )
})

test('a row comes back as it went in', () => {
  fc.assert(
    fc.property(fc.dictionary(name, value), (row) => {
      expect(decodeFields(encodeFields(row, where), () => expect.unreachable())).toEqual(row)
    }),
  )
})

test('what is stored is JSON and Uint8Array', () => {
  const plain = (stored: unknown): boolean =>
    stored === null ||
    ['boolean', 'number', 'string'].includes(typeof stored) ||
    Object.getPrototypeOf(stored) === Uint8Array.prototype ||
    Object.values(stored as object).every(plain)
  fc.assert(fc.property(value, (value) => plain(encodeValue(value, where))))
})

const stored = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
  withSparseArray: true,
  withBoxedValues: true,
  key: fc.constantFrom('$t', 'k', 'v', 'a', '$$t', 'toString'),
  values: [
    fc.constantFrom('d', 'n', 'b', 'm', 's', 'u', 'Int16Array', 'AAA=', '12'),
    fc.double(),
    fc.constant(null),
  ],
})

test('whatever is stored is read, or refused with its path', () => {
  fc.assert(
    fc.property(stored, (stored) => {
      try {
        decodeValue(stored)
      } catch (error) {
        expect(error).toBeInstanceOf(LayoutError)
        expect((error as LayoutError).path).toMatch(/^value/)
      }
    }),
    { numRuns: 5000 },
  )
})

test('whatever an app gives is stored, or refused with its place', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }), (value) => {
      try {
        encodeValue(value, where)
      } catch (error) {
        expect(error).toBeInstanceOf(UnstorableValue)
      }
    }),
  )
})

class Driver {
  name = 'Ada'
}

test.each([
  [() => 1, 'is a Function'],
  [new Driver(), 'is a class instance'],
  [new Blob(['x']), 'is a Blob'],
  [/x/, 'is a RegExp'],
  [Symbol('x'), 'is a Symbol'],
  [new Date(Number.NaN), 'is a time outside the years 1 to 9999'],
  [new Date(8.64e15), 'is a time outside the years 1 to 9999'],
  [10n ** 1000n, 'is a BigInt of more than 1000 digits'],
  ['half \udc00', 'holds half a surrogate pair'],
  [{ '\ud800': 1 }, 'holds half a surrogate pair'],
  [new WeakMap(), 'is a WeakMap'],
])('%o is refused with table, key and field', (bad, problem) => {
  const error = thrownBy(() => encodeFields({ fine: 1, tags: [0, bad] }, where)) as UnstorableValue
  expect(error).toBeInstanceOf(UnstorableValue)
  expect(error).toMatchObject({ table: 'vehicles', key: 'bus-7' })
  expect(error.field).toMatch(/^tags\[1\]/)
  expect(error.message).toContain(problem)
})

function nested(depth: number, inner: unknown, wrap: (value: unknown) => unknown): unknown {
  return depth ? wrap(nested(depth - 1, inner, wrap)) : inner
}

const WRAPS: [string, number, (value: unknown) => unknown][] = [
  ['arrays', 64, (value) => [value]],
  ['objects', 64, (value) => ({ value })],
  ['Sets', 64, (value) => new Set([value])],
  ['Maps', 32, (value) => new Map([[value, 1]])],
]

test.each(WRAPS)('%s may be nested %i deep, with a Date inside, and no deeper', (_, depth, wrap) => {
  const deepest = nested(depth, new Date(5), wrap)
  expect(decodeValue(encodeValue(deepest, where))).toEqual(deepest)
  expect(decodeFields(encodeFields({ deepest }, where))).toEqual({ deepest })
  expect(() => encodeValue(wrap(deepest), where)).toThrow('is nested more than 64 deep')
})

test('a cycle is refused', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  expect(() => encodeValue(cycle, where)).toThrow('is nested more than 64 deep')
})

test('a field that a foreign client wrote badly is left out, the others are shown', () => {
  const refused: string[] = []
  const row = decodeFields({ name: 'Bus', since: { $t: 'x' }, big: 5n }, (error) => refused.push(error.path))
  expect(row).toEqual({ name: 'Bus' })
  expect(refused).toEqual(['since', 'big'])
  expect(decodeFields({ name: 'Bus', since: { $t: 'x' } })).toEqual({ name: 'Bus' })
})

test('binary data that is no whole number of items is refused', () => {
  expect(() => decodeValue({ $t: 'b', k: 'Float32Array', v: 'AAA=' })).toThrow('no whole Float32Array')
})

test('bytes are stored without the buffer around them, and apart from the app', () => {
  const whole = Uint8Array.of(1, 2, 3, 4)
  const stored = encodeValue(whole.subarray(1, 3), where) as Uint8Array
  whole.fill(9)
  expect(stored).toEqual(Uint8Array.of(2, 3))
  expect(stored.buffer.byteLength).toBe(2)
  expect(encodeValue(Buffer.from([1]), where)?.constructor).toBe(Uint8Array)
})

test('a field that is undefined is left out, as apps mean it', () => {
  expect(encodeFields({ name: 'a', plate: undefined }, where)).toEqual({ name: 'a' })
  expect(Object.keys(encodeFields({ plate: undefined }, where))).toEqual([])
})

test('-0 is 0', () => {
  expect(encodeValue(-0, where)).toBe(0)
  expect(decodeValue(-0)).toBe(0)
})

test('values of another frame are known for what they are', () => {
  const row = runInNewContext(`({
    since: new Date(5), tags: ['a', undefined], seen: new Map([[1, new Set([2n])]]),
    bytes: Uint8Array.of(1), floats: Float32Array.of(1), nested: { deep: null },
  })`)
  expect(decodeFields(encodeFields(row, where))).toEqual({
    since: new Date(5),
    tags: ['a', undefined],
    seen: new Map([[1, new Set([2n])]]),
    bytes: Uint8Array.of(1),
    floats: Float32Array.of(1),
    nested: { deep: null },
  })
})
