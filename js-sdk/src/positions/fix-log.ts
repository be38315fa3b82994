/**
 * The fixes that are in no document yet: each is stored at once, under its own number. In come positions of
 * the app, in any tab; out go the newest of a track, for a chunk. Knows no document and no network.
 */
import type { Dexie, Transaction } from 'dexie'
import { decodeChunk, encodeChunk, type Fix } from '../layout/chunk.js'
import { encodeKey } from '../layout/keys.js'
import { utcDay } from '../layout/track-days.js'
import { trackDocument } from '../names.js'
import type { FixRecord, StateRecord } from '../storage/records.js'
import type { NewPosition } from './position.js'

export type NumberedRecord = FixRecord & { readonly seq: number }

const fixes = (tx: Transaction) => tx.table<FixRecord, number>('$fixes')

/**
 * Store a position; on this device when it resolves. A number is given once, to one fix of a vehicle: counter
 * and fix are one transaction. Each vehicle counts by itself, because a chunk holds numbers without gaps. Throws LayoutError or UnstorableValue for what no chunk can hold.
 */
export async function recordFix(
  db: Dexie,
  device: string,
  position: NewPosition,
  now: number,
): Promise<void> {
  const { vehicleId, at = now, ...measures } = position
  const fix = { ...measures, fixTimeMs: Math.round(Number(at)), deviceTimeMs: Math.round(now) }
  const vehicle = encodeKey(vehicleId, 'vehicles')
  const d = trackDocument(vehicle, utcDay(fix.fixTimeMs), device)
  const k = `sequence:${vehicle}` as const
  encodeChunk([{ ...fix, sequence: 1 }]) // refused before anything is written
  await db.transaction('rw', ['$fixes', '$state'], async (tx) => {
    const state = tx.table<StateRecord, string>('$state')
    const sequence = (((await state.get(k))?.v as number | undefined) ?? 0) + 1
    await state.put({ k, v: sequence })
    await fixes(tx).add({ d, c: encodeChunk([{ ...fix, sequence }]), at: now })
  })
}

/** The newest waiting fixes of a track, the oldest of them first. */
export async function newestFixes(tx: Transaction, d: string, limit: number): Promise<NumberedRecord[]> {
  const records = await fixes(tx).where('d').equals(d).reverse().limit(limit).toArray()
  return (records as NumberedRecord[]).reverse()
}

export async function removeFixes(tx: Transaction, records: readonly NumberedRecord[]): Promise<void> {
  await fixes(tx).bulkDelete(records.map(({ seq }) => seq))
}

/** Give fixes back that were in a chunk already: they wait again. */
export async function putFixesBack(tx: Transaction, d: string, chunk: Uint8Array, at: number): Promise<void> {
  await fixes(tx).bulkAdd(decodeChunk(chunk).map((fix) => ({ d, c: encodeChunk([fix]), at })))
}

export function fixesOf(records: readonly FixRecord[]): Fix[] {
  return records.flatMap(({ c }) => decodeChunk(c))
}

/** Drop the oldest waiting fixes beyond a number; returns how many. */
export async function dropOldestFixes(tx: Transaction, beyond: number): Promise<number> {
  const excess = (await fixes(tx).count()) - beyond
  if (excess <= 0) return 0
  const oldest = await fixes(tx).orderBy(':id').limit(excess).primaryKeys()
  await fixes(tx).bulkDelete(oldest)
  return oldest.length
}
