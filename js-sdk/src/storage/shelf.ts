/** The shelf as the app sees it: read refused edits, drop them, or write them once more. */
import type { Dexie } from 'dexie'
import type { Refusal } from '../contract.js'
import { decodeKey } from '../layout/keys.js'
import { decodeFields } from '../layout/values.js'
import type { TableSpec } from '../schema.js'
import type { ShelfRecord } from './records.js'

export interface RejectedEdit {
  readonly id: number
  readonly table: string
  readonly key: IDBValidKey
  readonly kind: 'add' | 'change' | 'delete'
  /** Fields that were set. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Names of fields that were taken out. */
  readonly removed: readonly string[]
  readonly reason: Refusal
  readonly at: Date
}

const shelf = (db: Dexie) => db.table<ShelfRecord, number>('$shelf')

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

export async function rejectedEdits(db: Dexie): Promise<RejectedEdit[]> {
  return (await shelf(db).toArray()).map(toRejectedEdit)
}

export async function discard(db: Dexie, ids: readonly number[]): Promise<void> {
  await shelf(db).bulkDelete([...ids])
}

/** Write the edits again as if the app did it now; a changed row that is gone is made from the changed fields. */
export async function retry(db: Dexie, ids: readonly number[], tables: readonly TableSpec[]): Promise<void> {
  const known = new Map(tables.map((spec) => [spec.name, spec]))
  await db.transaction('rw!', [...known.keys(), '$shelf'], async (tx) => {
    for (const record of await tx.table<ShelfRecord, number>('$shelf').bulkGet([...ids])) {
      const spec = record && known.get(record.t)
      if (!record || !spec) continue
      const { key, kind, fields, removed } = toRejectedEdit(record)
      const table = tx.table<Record<string, unknown>, unknown>(record.t)
      if (kind === 'delete') {
        await table.delete(key)
      } else {
        const row: Record<string, unknown> = { ...(await table.get(key)), ...fields, ...keyOf(spec, key) }
        for (const name of removed) delete row[name]
        await (spec.keyPath === null ? table.put(row, key) : table.put(row))
      }
      await tx.table('$shelf').delete(record.n as number)
    }
  })
}

function keyOf({ keyPath }: TableSpec, key: IDBValidKey): Record<string, unknown> {
  if (keyPath === null) return {}
  if (typeof keyPath === 'string') return { [keyPath]: key }
  return Object.fromEntries(keyPath.map((name, i) => [name, (key as IDBValidKey[])[i]]))
}
