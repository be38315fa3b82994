/** Puts edits that will never be in a document onto the shelf, where the app can see them and decide. */
import type { Transaction } from 'dexie'
import type { Refusal, RowEdit } from '../contract.js'
import type { ShelfRecord } from '../storage/records.js'
import type { Findings } from './shell.js'

export async function shelve(
  tx: Transaction,
  table: string,
  edits: readonly RowEdit[],
  refusal: Refusal,
  at: number,
  findings: Findings,
): Promise<void> {
  if (edits.length === 0) return
  const records = edits.map((e): ShelfRecord => ({ t: table, e, r: refusal, at }))
  const ids = await tx.table<ShelfRecord, number>('$shelf').bulkAdd(records, { allKeys: true })
  findings.shelved.push(...records.map((record, i) => ({ ...record, n: ids[i] as number })))
}
