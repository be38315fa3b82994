/**
 * Writes of the app, inside a transaction: the row as it will be read, and the edit that says what changed. The same
 * rules as in the browser, where `storage/capture.ts` reads them off Dexie's requests. Knows no disk.
 */
import type { RowEdit } from '../contract.js'
import { difference } from '../engine/edits.js'
import type { Row, Stores } from '../engine/stores.js'
import { toRow, withoutKey } from '../engine/view.js'
import { ConstraintError, UnstorableValue } from '../errors.js'
import { encodeKey, type Key } from '../layout/keys.js'
import { encodeFields } from '../layout/values.js'
import type { TableSpec } from '../schema.js'
import { indexValues, isKey } from '../storage/index-values.js'
import { toOps } from '../storage/records.js'

/** A row that can be stored, under its key. */
export interface PreparedRow {
  readonly key: Key
  readonly name: string
  readonly row: Row
}

/**
 * Find or make the key, and check every value. Throws UnstorableValue.
 *
 * @param given the key of a table whose rows don't hold it
 */
export function prepareRow(
  spec: TableSpec,
  row: object,
  given: unknown,
  generate: () => string,
): PreparedRow {
  const { name: table, keyPath } = spec
  const own = keyPath === null ? given : keyIn(keyPath, row as Row)
  const key = own == null && spec.generated ? generate() : own
  if (!isKey(key)) throw new UnstorableValue({ table }, '', `is ${String(key)}, which can't be a key`)
  const name = encodeKey(key, table)
  const fields = encodeFields(withoutKey(row, keyPath), { table, key: name })
  // A copy: what the app does to its object later is no write.
  return { key, name, row: toRow(keyPath, key, structuredClone(fields)) }
}

/** Write a row. Throws ConstraintError where it may not be: `isNew`, and the key is taken; a unique value is taken. */
export async function writeRow(
  tx: Stores,
  spec: TableSpec,
  { key, name, row }: PreparedRow,
  { isNew, at }: { readonly isNew: boolean; readonly at: number },
): Promise<void> {
  const rows = tx.rows(spec)
  const [old] = await rows.get([key])
  if (isNew && old) throw new ConstraintError(spec.name, `there is a row with the key '${name}' already`)
  for (const index of spec.indexes.filter(({ unique }) => unique)) {
    for (const value of indexValues(row, index)) {
      const owner = (await rows.keysWith(index, value)).find((owner) => encodeKey(owner) !== name)
      if (owner !== undefined)
        throw new ConstraintError(spec.name, `another row has this value of '${index.name}'`)
    }
  }
  const fields = (row: Row) => encodeFields(withoutKey(row, spec.keyPath), { table: spec.name, key: name })
  const edit = difference(name, old ? fields(old) : null, fields(row))
  if (edit === null) return
  await rows.put([{ key, row }])
  await log(tx, spec, edit, at)
}

/** Delete a row; nothing happens where there is none. */
export async function deleteRow(tx: Stores, spec: TableSpec, key: Key, at: number): Promise<void> {
  const rows = tx.rows(spec)
  if ((await rows.get([key]))[0] === undefined) return
  await rows.remove([key])
  await log(tx, spec, { k: encodeKey(key), del: true }, at)
}

async function log(tx: Stores, spec: TableSpec, edit: RowEdit, at: number): Promise<void> {
  await tx.edits.add(toOps(spec.name, [edit], at))
}

function keyIn(keyPath: string | readonly string[], row: Row): unknown {
  return typeof keyPath === 'string' ? row[keyPath] : keyPath.map((name) => row[name])
}
