/** The log of edits that are in no document yet, inside a transaction that the caller has opened. */
import type { RowEdit } from '../contract.js'
import { type OpsRecord, toOps } from '../storage/records.js'
import { sizeOf } from './stored.js'
import type { Numbered, Stores } from './stores.js'

/** A record may hold 500 edits, about one update, or a single one: look at two before reading many. */
const FIRST_PAGE = 2
const PAGE = 100

export async function pendingEdits(tx: Stores, table: string): Promise<RowEdit[]> {
  const records = await tx.edits.of(table)
  return records.flatMap((record) => [...record.l])
}

export interface Slice {
  readonly edits: RowEdit[]
  /** When the oldest of them was made; ms since 1970. */
  readonly at: number
}

/**
 * Take the oldest edits of a table out of its log, about `maxBytes` of update and at least one; null when there
 * are none. A record that is too large stays with what is left of it.
 */
export async function takeEdits(tx: Stores, table: string, maxBytes: number): Promise<Slice | null> {
  const edits: RowEdit[] = []
  const used: number[] = []
  let rest: Numbered<OpsRecord> | null = null
  let at = Number.POSITIVE_INFINITY
  let bytes = 0
  for (let offset = 0, limit = FIRST_PAGE; bytes < maxBytes; offset += limit, limit = PAGE) {
    const page = await tx.edits.of(table, { offset, limit })
    for (const record of page) {
      const fits = countUpTo(record.l, maxBytes - bytes, edits.length === 0)
      if (fits > 0) at = Math.min(at, record.at)
      for (const edit of record.l.slice(0, fits)) bytes += sizeOf(edit)
      edits.push(...record.l.slice(0, fits))
      if (fits === record.l.length) used.push(record.seq)
      else if (fits > 0) rest = { ...record, l: record.l.slice(fits), n: record.l.length - fits }
      if (fits < record.l.length) bytes = maxBytes
      if (bytes >= maxBytes) break
    }
    if (page.length < limit) break
  }
  if (edits.length === 0) return null
  await tx.edits.remove(used)
  if (rest) await tx.edits.put([rest])
  return { edits, at }
}

/** Put edits back in front of everything that waits: they are older. */
export async function putBack(
  tx: Stores,
  table: string,
  edits: readonly RowEdit[],
  at: number,
): Promise<void> {
  const records = toOps(table, edits, at)
  const first = (await tx.edits.first()) ?? 1
  await tx.edits.put(records.map((record, i) => ({ ...record, seq: first - records.length + i })))
}

function countUpTo(edits: readonly RowEdit[], bytes: number, atLeastOne: boolean): number {
  let sum = 0
  for (const [i, edit] of edits.entries()) {
    sum += sizeOf(edit)
    if (sum > bytes && !(atLeastOne && i === 0)) return i
  }
  return edits.length
}
