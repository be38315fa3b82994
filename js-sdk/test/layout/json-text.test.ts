import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LayoutError } from '../../src/errors.js'
import { canonicalJson, parseJson } from '../../src/layout/json-text.js'

test('keys stand in the order of their UTF-16 units, numbers as JavaScript writes them', () => {
  const value = { '10': 1, '9': 'ü', '\u{1f600}': 1e21, '\uffff': -0, a: [1e-7, null, true, 'tab\t'] }
  expect(canonicalJson(value, 'x')).toBe(
    '{"10":1,"9":"ü","a":[1e-7,null,true,"tab\\t"],"\u{1f600}":1e+21,"\uffff":0}',
  )
})

test('JSON comes back as it went in, and its text is the same again', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = canonicalJson(value, 'x')
      expect(parseJson(text, 'x')).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(parseJson(` ${text}\n`, 'x'), 'x')).toBe(text)
    }),
  )
})

test.each([
  [{ a: undefined }, 'is a Undefined'],
  [[Number.NaN], 'is no finite number'],
  [{ a: '\ud800' }, 'holds half a surrogate pair'],
  [{ '\ud800': 1 }, 'holds half a surrogate pair'],
  [new Date(5), 'is a Date'],
  [5n, 'is a BigInt'],
])('%o is no JSON', (value, problem) => {
  expect(() => canonicalJson(value, 'x')).toThrow(problem)
})

test('text is refused for what canonical JSON has not', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(canonicalJson(parseJson(deep(64), 'x'), 'x')).toBe(deep(64))
  for (const text of [deep(65), '1e999', '{"a":-1e999}', '"\\ud800"', '{"\\ud800":1}', '{', '', '\ufeff1']) {
    expect(() => parseJson(text, 'x')).toThrow(LayoutError)
  }
})
