import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIdSource, generateId } from '../src/ids.js'

const SHAPE = /^[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$/

test('10,000 ids are sorted and unique', () => {
  const ids = Array.from({ length: 10_000 }, generateId)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(10_000)
  for (const id of ids) expect(id).toMatch(SHAPE)
})

test('an id begins with its time', () => {
  const id = createIdSource(
    () => 1_469_918_176_385,
    (count) => new Array(count).fill(0),
  )()
  expect(id).toBe('01aryz6s410000000000000000') // the time is the example of the ULID specification
})

test('ids rise whatever the clock does', () => {
  const clock = fc.array(fc.integer({ min: 0, max: 2 ** 48 - 1 }), { minLength: 2, maxLength: 50 })
  fc.assert(
    fc.property(clock, (times) => {
      const clock = times.values()
      const source = createIdSource(() => clock.next().value as number)
      const ids = times.map(source)
      expect(ids.toSorted()).toEqual(ids)
      expect(new Set(ids).size).toBe(ids.length)
    }),
  )
})

test('ids rise within a millisecond too when the random part runs over', () => {
  const source = createIdSource(
    () => 1000.7,
    (count) => [...new Array(count - 1).fill(31), 30],
  )
  expect([source(), source(), source()]).toEqual([
    '00000000z8zzzzzzzzzzzzzzzy',
    '00000000z8zzzzzzzzzzzzzzzz',
    '00000000z90000000000000000',
  ])
})

test('two processes that start in the same millisecond share no ids', () => {
  const one = createIdSource(() => 5)
  const other = createIdSource(() => 5)
  const ids = Array.from({ length: 1000 }, () => [one(), other()]).flat()
  expect(new Set(ids).size).toBe(2000)
})
