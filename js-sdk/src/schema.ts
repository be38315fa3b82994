/**
 * The schema that an app gives to `connect()`, read into a description.
 *
 * In come Dexie's strings (`'++id, name, &plate, [a+b], *tags'`), out goes what each table is to be. Knows no
 * database: how a description becomes IndexedDB stores is decided elsewhere.
 *
 *     string  = primary ("," index)*
 *     primary = ["++" | "&"] [path]                  no path: the key stands beside the row
 *             | ["&"] "[" path ("+" path)+ "]"
 *     index   = ["&"] ["*"] path | ["&"] "[" path ("+" path)+ "]"
 *     path    = name ("." name)*
 *
 * `++` means a generated id, unique among all devices, and not a counter.
 */

import { WebHostConfigError } from './errors.js'
import type { StoresFor, StoresSchema, TableDef } from './schema-rows.js'

export type KeyPath = string | readonly string[]

export interface IndexSpec {
  /** As Dexie names it: `plate`, `[a+b]`. */
  readonly name: string
  readonly keyPath: KeyPath
  /** The app wants it unique, which can be checked on this device only. */
  readonly unique: boolean
  /** One entry for each item of an array. */
  readonly multi: boolean
}

export interface TableSpec {
  readonly name: string
  /** null where the key is no field of the row. */
  readonly keyPath: KeyPath | null
  /** The SDK makes the key where the app gives none. */
  readonly generated: boolean
  readonly indexes: readonly IndexSpec[]
}

/**
 * Give a table the type of its rows: `vehicles: table<Vehicle>()('++id, name')`. Two calls, because
 * TypeScript can't infer the string while the row is given.
 */
export function table<Row extends object>(): <const S extends string>(
  stores: S & StoresFor<Row, S>,
) => TableDef<Row, S> {
  return (stores) => ({ stores })
}

/** Read the schema of `connect()`. Throws WebHostConfigError naming the table and what to change. */
export function parseSchema(schema: StoresSchema): TableSpec[] {
  return Object.entries(storesOf(schema)).map(([table, stores]) => parseTable(table, stores))
}

/** The strings alone, without the types that `table()` has given them. */
export function storesOf(schema: StoresSchema): Record<string, string> {
  const strings = Object.entries(schema).map(([name, definition]) => [
    name,
    typeof definition === 'object' ? definition?.stores : definition,
  ])
  return Object.fromEntries(strings)
}

/** Read one table. Throws as `parseSchema` does. */
export function parseTable(table: string, stores: unknown): TableSpec {
  if (!table || table.startsWith('$')) {
    throw wrong(table, 'is no name for a table', 'names are not empty and do not begin with $')
  }
  if (typeof stores !== 'string') {
    throw wrong(table, 'has no schema string', "write one as '++id, name'; a schema drops no table")
  }
  const [primary = '', ...secondary] = stores.split(',').map((text) => text.trim())
  const [marks, keyPath] = parseToken(table, PRIMARY, primary)
  const indexes = secondary.map((text) => parseIndex(table, text))
  const names = indexes.map((index) => index.name)
  const twice = names.find((name, position) => names.indexOf(name) !== position)
  if (twice) throw wrong(table, `has the index ${twice} twice`, 'remove one')
  if ([keyPath].flat().some((path) => path.includes('.'))) {
    throw wrong(
      table,
      `has '${primary}' as its key`,
      'keys are fields of the row itself; nested ones can be indexes',
    )
  }
  return { name: table, keyPath: keyPath || null, generated: marks === '++', indexes }
}

const NAME = String.raw`[^\s.+&*[\]:@$]+`
const PATH = String.raw`${NAME}(?:\.${NAME})*`
const COMPOUND = String.raw`(&?)(\[${PATH}(?:\+${PATH})*\])`
const PRIMARY = new RegExp(String.raw`^(?:(\+\+|&|)(${PATH}|)|${COMPOUND})$`)
const INDEX = new RegExp(String.raw`^(?:(&?\*?|\*&)(${PATH})|${COMPOUND})$`)

function parseIndex(table: string, text: string): IndexSpec {
  const [marks, keyPath, name] = parseToken(table, INDEX, text)
  return {
    name,
    keyPath,
    unique: marks.includes('&'),
    multi: marks.includes('*'),
  }
}

function parseToken(table: string, grammar: RegExp, text: string): [marks: string, KeyPath, name: string] {
  const found = grammar.exec(text)
  if (!found) {
    throw wrong(
      table,
      `has '${text}', which is no ${grammar === INDEX ? 'index' : 'primary key'}`,
      'write keys as id, ++id or [a+b], indexes as name, &name, *names or [a+b]',
    )
  }
  const [, mark, path, compoundMark, compound] = found
  const name = path ?? compound ?? ''
  return [mark ?? compoundMark ?? '', compound ? compound.slice(1, -1).split('+') : name, name]
}

function wrong(table: string, problem: string, hint: string): WebHostConfigError {
  return new WebHostConfigError(`schema: table '${table}' ${problem}`, hint)
}
