/** A refused edit as the app sees it, and the row that it makes when it is written once more. Pure. */
import type { Refusal } from '../contract.js'
import { decodeKey, type Key } from '../layout/keys.js'
import { decodeFields } from '../layout/values.js'
import type { TableSpec } from '../schema.js'
import type { ShelfRecord } from '../storage/records.js'
import type { Row } from './stores.js'

export interface RejectedEdit {
  readonly id: number
  readonly table: string
  readonly key: Key
  readonly kind: 'add' | 'change' | 'delete'
  /** Fields that were set. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Names of fields that were taken out. */
  readonly removed: readonly string[]
  readonly reason: Refusal
  readonly at: Date
}

export function toRejectedEdit({ n, t, e, r, at }: ShelfRecord): RejectedEdit {
  return {
    id: n as number,
    table: t,
    key: decodeKey(e.k),
    kind: e.del ? 'delete' : e.ins ? 'add' : 'change',
    fields: decodeFields({ ...e.set }),
    removed: e.unset ?? [],
    reason: r,
    at: new Date(at),
  }
}

/** The row after the edit; a changed row that is gone is made from the changed fields. */
export function rowWith(spec: TableSpec, row: Row | undefined, edit: RejectedEdit): Row {
  const changed: Row = { ...row, ...edit.fields, ...keyOf(spec, edit.key) }
  for (const name of edit.removed) delete changed[name]
  return changed
}

function keyOf({ keyPath }: TableSpec, key: Key): Record<string, unknown> {
  if (keyPath === null) return {}
  if (typeof keyPath === 'string') return { [keyPath]: key }
  return Object.fromEntries(keyPath.map((name, i) => [name, (key as Key[])[i]]))
}
