/**
 * The updates of one document as they are stored, inside a transaction that the caller has opened. In and out: V1
 * bytes and Y.Docs. Knows nothing of rows.
 */
import type { Transaction } from 'dexie'
import * as Y from 'yjs'
import type { LocalUpdate } from '../contract.js'
import type { DocumentRecord, UpdateRecord } from '../storage/records.js'
import type { EngineShell } from './shell.js'

export type LocalRecord = UpdateRecord & { readonly seq: number }

const log = (tx: Transaction) => tx.table<UpdateRecord, number>('$updates')
const documents = (tx: Transaction) => tx.table<DocumentRecord, string>('$docs')

/** Another device answers to what we wrote within a round trip; sessions are longer than that. */
const OWN_CLIENTS = 16

export async function storedUpdates(tx: Transaction, d: string): Promise<LocalRecord[]> {
  return (await log(tx).where('d').equals(d).toArray()) as LocalRecord[]
}

export async function localUpdates(tx: Transaction, d: string): Promise<LocalRecord[]> {
  // From [local, d] to the empty array, which sorts behind every number: all that begins with these two.
  const records = await log(tx).where('[o+d+n+at]').between(['local', d], ['local', d, []]).toArray()
  return (records as LocalRecord[]).sort((a, b) => a.seq - b.seq)
}

export async function addRemote(
  tx: Transaction,
  d: string,
  updates: readonly Uint8Array[],
  at: number,
): Promise<void> {
  const u = updates.length === 1 ? (updates[0] as Uint8Array) : Y.mergeUpdates([...updates])
  await log(tx).add({ d, u, o: 'remote', n: 0, at })
}

/** Store what was made here; `n`: how many edits of the app it stands for. */
export async function addLocal(
  tx: Transaction,
  made: Pick<UpdateRecord, 'd' | 'u' | 'n' | 'at' | 'ops' | 'chunks'>,
): Promise<LocalUpdate> {
  const id = await log(tx).add({ ...made, o: 'local' })
  return { id, update: made.u, edits: made.n }
}

export async function markDurable(tx: Transaction, d: string, ids: readonly number[]): Promise<void> {
  const records = (await log(tx).bulkGet([...ids])).filter(
    (record) => record?.d === d && record.o === 'local',
  )
  await log(tx).bulkPut(records.map((record) => forgetful(record as UpdateRecord)))
}

export async function removeUpdates(tx: Transaction, records: readonly LocalRecord[]): Promise<void> {
  await log(tx).bulkDelete(records.map(({ seq }) => seq))
}

export async function readDocument(tx: Transaction, d: string): Promise<DocumentRecord> {
  return (await documents(tx).get(d)) ?? { d, epoch: null, sv: Y.encodeStateVector(new Y.Doc()) }
}

/** Note what changed of the document's own record. `stale: false` takes the mark away. */
export async function noteDocument(
  tx: Transaction,
  d: string,
  change: { doc?: Y.Doc; epoch?: string; stale?: boolean; own?: readonly number[] },
): Promise<void> {
  const { stale: wasStale, ...record } = await readDocument(tx, d)
  const stale = change.stale ?? wasStale
  await documents(tx).put({
    ...record,
    ...(change.epoch !== undefined && { epoch: change.epoch }),
    ...(change.own && { own: change.own.slice(-OWN_CLIENTS) }),
    ...(change.doc && { sv: Y.encodeStateVector(change.doc) }),
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
  tx: Transaction,
  d: string,
  { compactFrom, now, crash }: Pick<EngineShell, 'compactFrom' | 'now' | 'crash'>,
): Promise<boolean> {
  const count = await log(tx).where('d').equals(d).count()
  if (count < compactFrom) return false
  const durable = (await storedUpdates(tx, d)).filter(({ o }) => o !== 'local')
  if (durable.length < compactFrom) return false
  // The state includes what still waits for missing updates.
  const u = Y.encodeStateAsUpdate(buildDocument(durable))
  await log(tx).add({ d, u, o: 'snapshot', n: 0, at: now() })
  crash('compact:added')
  await removeUpdates(tx, durable)
  crash('compact:removed')
  return true
}

function forgetful({ ops: _, ...record }: UpdateRecord): UpdateRecord {
  return { ...record, o: 'remote', n: 0 }
}
