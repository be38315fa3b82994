import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LayoutError, UnstorableValue } from '../../src/errors.js'
import { decodeKey, encodeKey } from '../../src/layout/keys.js'
import { fromNotation, golden, thrownBy } from '../golden.js'

test.each(golden.keys.good)('$text is the spelling of a key', ({ key, text }) => {
  expect(encodeKey(fromNotation(key))).toBe(text)
  expect(decodeKey(text)).toEqual(fromNotation(key))
})

test.each(golden.keys.bad)('$text is no key', ({ text }) => {
  expect(() => decodeKey(text)).toThrow(LayoutError)
})

const key = fc.letrec((tie) => ({
  key: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^#{1,3}[nda#]?[0-9]*$/),
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.date({ min: new Date(-62_135_596_800_000), max: new Date(253_402_300_799_999), noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('key'), { maxLength: 4 }),
  ),
})).key

test('a key comes back as it went in', () => {
  fc.assert(
    fc.property(key, (key) => {
      expect(decodeKey(encodeKey(key))).toEqual(key)
    }),
  )
})

test('any text is a key with that one spelling, or refused', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^#[nadb#][0-9e.+\-"[\],#nA=/]{0,12}$/))
  fc.assert(
    fc.property(text, (text) => {
      try {
        expect(encodeKey(decodeKey(text))).toBe(text)
      } catch (error) {
        expect(error).toBeInstanceOf(LayoutError)
      }
    }),
    { numRuns: 5000 },
  )
})

test('binary keys of any form are their bytes, and only theirs', () => {
  const { buffer } = Uint8Array.of(9, 0, 255, 16, 9)
  expect(encodeKey(new DataView(buffer, 1, 3))).toBe('#bAP8Q')
  expect(encodeKey(buffer.slice(1, 4))).toBe('#bAP8Q')
})

test.each([
  [null, 'is a Null'],
  [undefined, 'is a Undefined'],
  [true, 'is a Boolean'],
  [Number.NaN, 'is a NaN'],
  [5n, 'is a BigInt'],
  [{}, 'is a Object'],
  [Object.create(null), 'is a Object'],
  [() => 1, 'is a Function'],
  [new Date(Number.NaN), 'outside the years 1 to 9999'],
  ['\ud800', 'half a surrogate pair'],
  [['a', [null]], 'is a Null'],
])('%o is refused as a key, with the table named', (bad, problem) => {
  const error = thrownBy(() => encodeKey(bad, 'vehicles')) as UnstorableValue
  expect(error).toBeInstanceOf(UnstorableValue)
  expect(error.table).toBe('vehicles')
  expect(error.message).toMatch(/^vehicles key /)
  expect(error.message).toContain(problem)
})
