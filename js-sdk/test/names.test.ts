import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LayoutError } from '../src/errors.js'
import { parseName, percentEncode, tableDocument, trackDocument, validateName } from '../src/names.js'
import { golden, thrownBy } from './golden.js'

test.each(golden.names.good)('$name means what the vector says', ({ name, ...meaning }) => {
  const parsed = parseName(name)
  expect(parsed).toEqual(meaning)
  if (parsed.kind === 'table') expect(tableDocument(parsed.table)).toBe(name)
  if (parsed.kind === 'track') expect(trackDocument(parsed.vehicle, parsed.day, parsed.device)).toBe(name)
})

test.each(golden.names.bad)('$problem', ({ name, problem }) => {
  const error = thrownBy(() => validateName(name)) as LayoutError
  expect(error).toBeInstanceOf(LayoutError)
  expect(thrownBy(() => parseName(name))).toBeInstanceOf(LayoutError)
  const half = 'must be well-formed Unicode; it holds half a character'
  expect(problem).toContain(error.problem === 'holds half a surrogate pair' ? half : error.problem)
})

const id = fc
  .oneof(fc.string({ minLength: 1, maxLength: 60 }), fc.stringMatching(/^[./%?#\0a2F]{1,9}$/))
  .filter((text) => percentEncode(text).length <= 90)
const day = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })

test('an id comes out of a name as it went in', () => {
  fc.assert(
    fc.property(id, day, id, (vehicle, date, device) => {
      const text = date.toISOString().slice(0, 10)
      const track = { kind: 'track', vehicle, day: text, device }
      expect(parseName(trackDocument(vehicle, text, device))).toEqual(track)
      expect(parseName(tableDocument(vehicle))).toEqual({ kind: 'table', table: vehicle })
    }),
  )
})

test('one meaning has one name', () => {
  const part = fc.constantFrom('tables', 'track', 'a', '%2F', '%2f', '%', '%25', '.', '%2E', '2026-11-23', '')
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const name = parts.join('/')
      try {
        const parsed = parseName(name)
        if (parsed.kind === 'table') expect(tableDocument(parsed.table)).toBe(name)
        if (parsed.kind === 'track')
          expect(trackDocument(parsed.vehicle, parsed.day, parsed.device)).toBe(name)
      } catch (error) {
        expect(error).toBeInstanceOf(LayoutError)
      }
    }),
  )
})

test.each(['2026-02-29', '2026-13-01', '0000-01-01', '2026-1-1', '', 'today', '+010000-01-01'])(
  'a track has no day %s',
  (text) => {
    expect(() => trackDocument('bus-7', text, 'box')).toThrow('is no day yyyy-mm-dd')
  },
)

test('an empty id and one that is too long are refused', () => {
  expect(() => tableDocument('')).toThrow('must not be empty')
  expect(() => tableDocument('x'.repeat(249))).toThrow('has at most 255 bytes')
})
