/**
 * The updates of one document as they are stored, inside a transaction that the caller has opened. In and out: V1
 * bytes and Y.Docs. Knows nothing of rows.
 */
import * as Y from 'yjs'
import type { LocalUpdate } from '../contract.js'
import type { DocumentRecord, UpdateRecord } from '../storage/records.js'
import { isIntegrated } from './coverage.js'
import type { EngineShell } from './shell.js'
import type { Numbered, Stores } from './stores.js'

export type LocalRecord = Numbered<UpdateRecord>

/** Another device answers to what we wrote within a round trip; sessions are longer than that. */
const OWN_CLIENTS = 16

export async function addRemote(
  tx: Stores,
  d: string,
  updates: readonly Uint8Array[],
  at: number,
): Promise<void> {
  const u = updates.length === 1 ? (updates[0] as Uint8Array) : Y.mergeUpdates([...updates])
  await tx.updates.add({ d, u, o: 'remote', n: 0, at })
}

/** Store what was made here; `n`: how many edits of the app it stands for. */
export async function addLocal(
  tx: Stores,
  made: Pick<UpdateRecord, 'd' | 'u' | 'n' | 'at' | 'ops' | 'chunks'>,
): Promise<LocalUpdate> {
  const id = await tx.updates.add({ ...made, o: 'local' })
  return { id, update: made.u, edits: made.n }
}

export async function markDurable(tx: Stores, d: string, ids: readonly number[]): Promise<void> {
  const records = await tx.updates.get(ids)
  const local = records.flatMap((record) => (record?.d === d && record.o === 'local' ? [record] : []))
  await tx.updates.put(local.map(forgetful))
}

export async function removeUpdates(tx: Stores, records: readonly LocalRecord[]): Promise<void> {
  await tx.updates.remove(records.map(({ seq }) => seq))
}

export async function readDocument(tx: Stores, d: string): Promise<DocumentRecord> {
  return (await tx.documents.get(d)) ?? { d, epoch: null, sv: Y.encodeStateVector(new Y.Doc()) }
}

/** Note what changed of the document's own record. `stale: false` takes the mark away. */
export async function noteDocument(
  tx: Stores,
  d: string,
  change: { doc?: Y.Doc; epoch?: string; stale?: boolean; own?: readonly number[]; synced?: true },
): Promise<void> {
  const { stale: wasStale, ...record } = await readDocument(tx, d)
  const stale = change.stale ?? wasStale
  await tx.documents.put({
    ...record,
    ...(change.epoch !== undefined && { epoch: change.epoch }),
    ...(change.own && { own: change.own.slice(-OWN_CLIENTS) }),
    ...(change.doc && { sv: Y.encodeStateVector(change.doc) }),
    ...(change.synced && { synced: change.synced }),
    ...(stale && { stale }),
  })
}

export function buildDocument(records: readonly UpdateRecord[]): Y.Doc {
  const doc = new Y.Doc()
  doc.transact(() => {
    for (const { u } of records) Y.applyUpdate(doc, u)
  })
  return doc
}

/**
 * Put one snapshot in the place of everything that is durable. What is not durable stays as it is: it must be sent
 * again as it was made. Returns whether it was worth it.
 */
export async function compactLog(
  tx: Stores,
  d: string,
  { compactFrom, now, crash }: Pick<EngineShell, 'compactFrom' | 'now' | 'crash'>,
): Promise<boolean> {
  if ((await tx.updates.count(d)) < compactFrom) return false
  const durable = (await tx.updates.of(d)).filter(({ o }) => o !== 'local')
  if (durable.length < compactFrom) return false
  // The state includes what still waits for missing updates.
  const u = Y.encodeStateAsUpdate(buildDocument(durable))
  await tx.updates.add({ d, u, o: 'snapshot', n: 0, at: now() })
  crash('compact:added')
  await removeUpdates(tx, durable)
  crash('compact:removed')
  return true
}

/**
 * What stays, and what must be made again because it builds on something that was refused. Only that: the server may
 * have taken the others already, and what it takes from us it does not send back.
 */
export function withoutRefused(
  records: readonly LocalRecord[],
  refused: readonly LocalRecord[],
): [kept: LocalRecord[], undone: LocalRecord[]] {
  const rest = records.filter((record) => !refused.includes(record))
  const doc = buildDocument(rest)
  const isUndone = ({ o, u }: LocalRecord) => o === 'local' && !isIntegrated(doc, u)
  return [rest.filter((record) => !isUndone(record)), rest.filter(isUndone)]
}

function forgetful({ ops: _, ...record }: LocalRecord): LocalRecord {
  return { ...record, o: 'remote', n: 0 }
}
