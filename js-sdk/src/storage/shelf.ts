/** The shelf as the app sees it: read refused edits, drop them, or write them once more. */
import type { Dexie } from 'dexie'
import { type RejectedEdit, rowWith, toRejectedEdit } from '../engine/rejected.js'
import { putShelvedBack } from '../positions/fix-log.js'
import type { TableSpec } from '../schema.js'
import { dexieStores } from './dexie-stores.js'
import type { ShelfRecord } from './records.js'

const shelf = (db: Dexie) => db.table<ShelfRecord, number>('$shelf')

export async function rejectedEdits(db: Dexie): Promise<RejectedEdit[]> {
  return (await shelf(db).toArray()).map(toRejectedEdit)
}

export async function discard(db: Dexie, ids: readonly number[]): Promise<void> {
  await shelf(db).bulkDelete([...ids])
}

/**
 * Write the edits again as if the app did it now; a changed row that is gone is made from the changed fields, and
 * positions wait once more. What belongs to a table that the schema has no more stays on the shelf.
 */
export async function retry(db: Dexie, ids: readonly number[], tables: readonly TableSpec[]): Promise<void> {
  const known = new Map(tables.map((spec) => [spec.name, spec]))
  await db.transaction('rw!', [...known.keys(), '$shelf', '$fixes'], async (tx) => {
    for (const record of await tx.table<ShelfRecord, number>('$shelf').bulkGet([...ids])) {
      if (!record) continue
      if (await putShelvedBack(dexieStores(tx), record)) {
        await tx.table('$shelf').delete(record.n as number)
        continue
      }
      const spec = known.get(record.t)
      if (!spec) continue
      const edit = toRejectedEdit(record)
      const { key } = edit
      const table = tx.table<Record<string, unknown>, unknown>(record.t)
      if (edit.kind === 'delete') {
        await table.delete(key)
      } else {
        const row = rowWith(spec, await table.get(key), edit)
        await (spec.keyPath === null ? table.put(row, key) : table.put(row))
      }
      await tx.table('$shelf').delete(record.n as number)
    }
  })
}
