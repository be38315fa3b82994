/**
 * The app's rows as a view: for some keys, makes the rows what document and waiting edits say. Inside a transaction
 * that the caller has opened. Rows that are right already are not touched, so that no liveQuery wakes for nothing.
 */
import type * as Y from 'yjs'
import type { RowEdit } from '../contract.js'
import { WebHostError } from '../errors.js'
import { decodeKey, encodeKey, type Key } from '../layout/keys.js'
import { decodeFields, encodeFields } from '../layout/values.js'
import type { TableSpec } from '../schema.js'
import { indexValues } from '../storage/index-values.js'
import { byRow, overlay } from './edits.js'
import { keysOf, readRow } from './rows.js'
import type { ConflictEvent, Findings } from './shell.js'
import { type Fields, sameFields } from './stored.js'
import type { Row, RowStore, Stores } from './stores.js'

const SLICE = 2000

/** Show the rows of these keys; `keys` 'all' also finds rows that should not be there. */
export async function showRows(
  tx: Stores,
  spec: TableSpec,
  doc: Y.Doc,
  pending: readonly RowEdit[],
  keys: Iterable<string> | 'all',
  findings: Findings,
): Promise<void> {
  const table = tx.rows(spec)
  const waiting = byRow(pending)
  const isEmpty = await table.isEmpty()
  const names = keys === 'all' ? await everyKey(table, doc, waiting) : [...keys]
  for (let from = 0; from < names.length; from += SLICE) {
    const wanted = names.slice(from, from + SLICE).flatMap((name) => {
      const fields = overlay(readRow(doc, name), waiting.get(name) ?? [])
      return readable(spec, name, fields, findings)
    })
    await showSlice(table, spec, wanted, isEmpty, findings.conflicts)
  }
}

/** A row as the document names it, without the properties that make its key. */
export function withoutKey(row: object, keyPath: TableSpec['keyPath']): Row {
  const names = [keyPath ?? []].flat()
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
}

interface Wanted {
  readonly key: Key
  readonly name: string
  readonly fields: Fields | null
  readonly row: Row | null
}

async function showSlice(
  table: RowStore,
  spec: TableSpec,
  wanted: readonly Wanted[],
  isEmpty: boolean,
  conflicts: ConflictEvent[],
): Promise<void> {
  const old = isEmpty ? [] : await table.get(wanted.map(({ key }) => key))
  const puts = wanted.flatMap(({ fields, name, key, row }, i) =>
    fields && row && !isShown(spec, name, old[i], fields) ? [{ key, row }] : [],
  )
  const gone = wanted.filter(({ fields }, i) => !fields && old[i] !== undefined)
  if (gone.length > 0) await table.remove(gone.map(({ key }) => key))
  if (puts.length === 0) return
  await table.put(puts)
  for (const index of spec.indexes.filter(({ unique }) => unique)) {
    for (const value of new Set(puts.flatMap(({ row }) => indexValues(row, index)))) {
      const keys = await table.keysWith(index, value)
      if (keys.length > 1) conflicts.push({ table: spec.name, index: index.name, value, keys })
    }
  }
}

function isShown(spec: TableSpec, key: string, row: Row | undefined, fields: Fields): boolean {
  if (row === undefined) return false
  return sameFields(encodeFields(withoutKey(row, spec.keyPath), { table: spec.name, key }), fields)
}

/** One odd row must not stop the others: it stays in the document, is not shown, and is reported. */
function readable(spec: TableSpec, name: string, fields: Fields | null, findings: Findings): Wanted[] {
  try {
    const key = decodeKey(name)
    return [{ key, name, fields, row: fields && toRow(spec.keyPath, key, fields) }]
  } catch (cause) {
    const message = `A row of ${spec.name} can't be read: rows/${name}.`
    findings.problems.push(
      new WebHostError('unreadable_row', message, 'It stays in the document.', { cause }),
    )
    return []
  }
}

/** A row as the app reads it: its fields, and the key where the table has it in the row. */
export function toRow(keyPath: TableSpec['keyPath'], key: unknown, fields: Fields): Row {
  const row = decodeFields(fields)
  if (keyPath === null) return row
  const parts = typeof keyPath === 'string' ? [key] : key
  const names = [keyPath].flat()
  if (!Array.isArray(parts) || parts.length !== names.length) throw new TypeError('not a key of this table')
  const own = Object.fromEntries(names.map((name, i) => [name, parts[i]]))
  return { ...own, ...row, ...own }
}

async function everyKey(
  table: RowStore,
  doc: Y.Doc,
  waiting: ReadonlyMap<string, unknown>,
): Promise<string[]> {
  const shown = await table.keys()
  return [...new Set([...keysOf(doc), ...waiting.keys(), ...shown.map((key) => encodeKey(key))])]
}
