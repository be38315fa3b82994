/** Puts edits that will never be in a document onto the shelf, where the app can see them and decide. */
import type { Refusal, RowEdit } from '../contract.js'
import type { ShelfRecord } from '../storage/records.js'
import type { Findings } from './shell.js'
import type { Stores } from './stores.js'

export async function shelve(
  tx: Stores,
  table: string,
  edits: readonly RowEdit[],
  refusal: Refusal,
  at: number,
  findings: Findings,
): Promise<void> {
  if (edits.length === 0) return
  const records = edits.map((e): ShelfRecord => ({ t: table, e, r: refusal, at }))
  const ids = await tx.shelf.add(records)
  findings.shelved.push(...records.map((record, i) => ({ ...record, n: ids[i] as number })))
}
