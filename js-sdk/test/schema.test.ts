import { Dexie } from 'dexie'
import 'fake-indexeddb/auto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WebHostConfigError } from '../src/errors.js'
import { parseSchema, parseTable, table } from '../src/schema.js'
import { thrownBy } from './golden.js'

const plain = { unique: false, multi: false }

test.each([
  ['++id, name', { keyPath: 'id', generated: true }, [{ ...plain, name: 'name', keyPath: 'name' }]],
  ['++, x', { keyPath: null, generated: true }, [{ ...plain, name: 'x', keyPath: 'x' }]],
  ['', { keyPath: null, generated: false }, []],
  ['&id', { keyPath: 'id', generated: false }, []],
  ['[a+b]', { keyPath: ['a', 'b'], generated: false }, []],
  [
    'id, &plate, [a+b], &[b+c], *tags, &*codes,\n  owner.id',
    { keyPath: 'id', generated: false },
    [
      { ...plain, name: 'plate', keyPath: 'plate', unique: true },
      { ...plain, name: '[a+b]', keyPath: ['a', 'b'] },
      { ...plain, name: '[b+c]', keyPath: ['b', 'c'], unique: true },
      { ...plain, name: 'tags', keyPath: 'tags', multi: true },
      { ...plain, name: 'codes', keyPath: 'codes', multi: true, unique: true },
      { ...plain, name: 'owner.id', keyPath: 'owner.id' },
    ],
  ],
])('%j is read', (stores, primaryKey, indexes) => {
  expect(parseTable('vehicles', stores)).toEqual({ name: 'vehicles', ...primaryKey, indexes })
})

test('a table with a type is read as its string', () => {
  const schema = { vehicles: table<{ name: string }>()('++id, name'), notes: 'id' }
  expect(parseSchema(schema)).toEqual(parseSchema({ vehicles: '++id, name', notes: 'id' }))
})

const path = fc.constantFrom('a', 'b', 'c', 'name', 'a.b', 'größe', 'x_1')
const compound = fc.uniqueArray(path, { minLength: 2, maxLength: 3 }).map((paths) => `[${paths.join('+')}]`)
const field = fc.constantFrom('a', 'b', 'name', 'größe', 'x_1')
const primary = fc.oneof(
  field,
  fc.uniqueArray(field, { minLength: 2, maxLength: 3 }).map((fields) => `[${fields.join('+')}]`),
  field.map((name) => `++${name}`),
  fc.constantFrom('', '++', '&id'),
)
const index = fc.oneof(
  path,
  compound,
  fc.tuple(fc.constantFrom('&', '*', '&*'), path).map((parts) => parts.join('')),
)

test('a schema is read as Dexie reads it', () => {
  fc.assert(
    fc.property(primary, fc.array(index), (primary, indexes) => {
      const names = indexes.map((text) => text.replace(/[&*]/g, ''))
      fc.pre(new Set(names).size === names.length)
      const stores = [primary, ...indexes].join(', ')
      const db = new Dexie('never-opened')
      db.version(1).stores({ rows: stores })
      const { primKey, indexes: expected } = db.table('rows').schema
      const read = parseTable('rows', stores)
      const { keyPath, auto: generated } = primKey
      expect(read).toMatchObject({ name: 'rows', keyPath, generated })
      expect(read.indexes).toEqual(
        expected.map(({ name, keyPath, unique, multi }) => ({ name, keyPath, unique, multi })),
      )
    }),
  )
})

test.each([
  ['owner.id', "has 'owner.id' as its key"],
  ['[a+b.c]', "has '[a+b.c]' as its key"],
  ['id, name,', "has '', which is no index"],
  ['id, ++x', "has '++x', which is no index"],
  ['id, **x', "has '**x', which is no index"],
  ['*id', "has '*id', which is no primary key"],
  ['++[a+b]', "has '++[a+b]', which is no primary key"],
  ['id, *[a+b]', "has '*[a+b]', which is no index"],
  ['id, [a+b', "has '[a+b', which is no index"],
  ['id, [a+]', "has '[a+]', which is no index"],
  ['id, []', "has '[]', which is no index"],
  ['id, a b', "has 'a b', which is no index"],
  ['id, a..b', "has 'a..b', which is no index"],
  ['id, notes:Y', "has 'notes:Y', which is no index"],
  ['id, a, b, &a', 'has the index a twice'],
  ['@id', "has '@id', which is no primary key; write keys as id, ++id"],
  ['$$id', "has '$$id', which is no primary key"],
])('%j is refused', (stores, problem) => {
  const error = thrownBy(() => parseTable('vehicles', stores)) as WebHostConfigError
  expect(error).toBeInstanceOf(WebHostConfigError)
  expect(error.message).toContain(`schema: table 'vehicles' ${problem}`)
})

test('names of tables and missing strings are refused', () => {
  expect(() => parseSchema({ $ops: 'id' })).toThrow('do not begin with $')
  expect(() => parseSchema({ '': 'id' })).toThrow('is no name for a table')
  expect(() => parseSchema({ vehicles: null } as never)).toThrow('a schema drops no table')
  expect(() => parseSchema({ vehicles: { name: 'string' } } as never)).toThrow('has no schema string')
})

test('any text is a schema or a WebHostConfigError', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('++', '&', '*', '[', ']', '+', ',', 'id', 'a', ' ', '.', '@'))
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (stores) => {
      try {
        parseTable('vehicles', stores)
      } catch (error) {
        expect(error).toBeInstanceOf(WebHostConfigError)
      }
    }),
  )
})
