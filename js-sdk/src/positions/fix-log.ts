/**
 * The fixes that are in no document yet: each is stored at once, under its own number. In come positions of
 * the app, in any tab; out go the newest of a track, for a chunk. Knows no document and no network.
 */
import type { Numbered, Stores } from '../engine/stores.js'
import { decodeChunk, encodeChunk, type Fix } from '../layout/chunk.js'
import { encodeKey } from '../layout/keys.js'
import { utcDay } from '../layout/track-days.js'
import { trackDocument } from '../names.js'
import type { FixRecord, ShelfRecord } from '../storage/records.js'
import type { NewPosition } from './position.js'

/** A position on its way into the log: refused before anything is written. */
export interface PreparedFix {
  readonly document: string
  readonly counter: `sequence:${string}`
  readonly at: number
  pack(sequence: number): Uint8Array
}

/** Check and pack a position. Throws LayoutError or UnstorableValue for what no chunk can hold. */
export function prepareFix(device: string, position: NewPosition, now: number): PreparedFix {
  const { vehicleId, at = now, ...measures } = position
  const fix = { ...measures, fixTimeMs: Math.round(Number(at)), deviceTimeMs: Math.round(now) }
  const vehicle = encodeKey(vehicleId, 'vehicles')
  const pack = (sequence: number) => encodeChunk([{ ...fix, sequence }])
  pack(1)
  return {
    document: trackDocument(vehicle, utcDay(fix.fixTimeMs), device),
    counter: counterOf(vehicle),
    at: now,
    pack,
  }
}

/**
 * Store a position. A number is given once, to one fix of a vehicle: counter and fix are one transaction. Each
 * vehicle counts by itself, because a chunk holds numbers without gaps.
 */
export async function addFix(tx: Stores, { document, counter, at, pack }: PreparedFix): Promise<void> {
  const sequence = (((await tx.state.get(counter)) as number | undefined) ?? 0) + 1
  await tx.state.put(counter, sequence)
  await tx.fixes.add([{ d: document, c: pack(sequence), at }])
}

/** The number of the last fix of a vehicle; 0 before the first. */
export async function recordedFixes(tx: Stores, vehicleId: string): Promise<number> {
  return ((await tx.state.get(counterOf(encodeKey(vehicleId, 'vehicles')))) as number | undefined) ?? 0
}

function counterOf(vehicle: string): `sequence:${string}` {
  return `sequence:${vehicle}`
}

/** The newest waiting fixes of a track, the oldest of them first. */
export async function newestFixes(tx: Stores, d: string, limit: number): Promise<Numbered<FixRecord>[]> {
  return (await tx.fixes.newest(d, limit)).reverse()
}

export async function removeFixes(tx: Stores, records: readonly Numbered<FixRecord>[]): Promise<void> {
  await tx.fixes.remove(records.map(({ seq }) => seq))
}

/** Give fixes back that were in a chunk already: they wait again. */
export async function putFixesBack(tx: Stores, d: string, chunk: Uint8Array, at: number): Promise<void> {
  await tx.fixes.add(decodeChunk(chunk).map((fix) => ({ d, c: encodeChunk([fix]), at })))
}

/** Give positions back that were shelved: they wait again. False, and nothing done, for an edit of a row. */
export async function putShelvedBack(tx: Stores, { t, e, at }: ShelfRecord): Promise<boolean> {
  const chunk = e.set?.['chunk']
  if (!t.startsWith('track/') || !(chunk instanceof Uint8Array)) return false
  await putFixesBack(tx, t, chunk, at)
  return true
}

/** Fixes that are not durable, as chunks: those in the log, and those in an update that is on its way. */
export async function waitingFixes(
  tx: Stores,
  belongs: (document: string) => boolean,
): Promise<Pick<FixRecord, 'd' | 'c'>[]> {
  const sent = (await tx.updates.localDocuments('track/')).filter(belongs).map(async (d) => {
    const chunks = (await tx.updates.localOf(d)).flatMap((record) => record.chunks ?? [])
    return chunks.map((c) => ({ d, c }))
  })
  const waiting = (await tx.fixes.all()).filter(({ d }) => belongs(d))
  return [...(await Promise.all(sent)).flat(), ...waiting]
}

export function fixesOf(records: readonly Pick<FixRecord, 'c'>[]): Fix[] {
  return records.flatMap(({ c }) => decodeChunk(c))
}
