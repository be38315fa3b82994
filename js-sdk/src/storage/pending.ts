/** How much of this device's work is not safe yet, and all of it as one file. Reads only. */
import type { Dexie, Transaction } from 'dexie'
import type { RowEdit } from '../contract.js'
import { tableDocument } from '../names.js'
import type { FixRecord, OpsRecord, ShelfRecord, UpdateRecord } from './records.js'

export interface Pending {
  /** Edits of rows (or positions) that are not durable on the server. */
  readonly edits: number
  /** When the oldest of them was made; ms since 1970, null when there is none. */
  readonly oldestAt: number | null
}

/**
 * `document`: only its edits. Asked after every write, so what grows without end while a device is offline, single
 * edits and fixes, is counted by the browser; only the keys of bulk writes and of updates on their way are read.
 */
export function countPending(db: Dexie, document: string | null): Promise<Pending> {
  return db.transaction('r!', ['$ops', '$updates', '$fixes'], async (tx) => {
    const found = [await countUpdates(tx, document), await countFixes(tx, document)]
    for (const table of (await tx.table('$ops').orderBy('t').uniqueKeys()) as string[]) {
      if (document === null || tableDocument(table) === document) found.push(await countOps(tx, table))
    }
    const times = found.map(({ oldestAt }) => oldestAt).filter((at) => at !== null)
    return {
      edits: found.reduce((sum, { edits }) => sum + edits, 0),
      oldestAt: times.length > 0 ? Math.min(...times) : null,
    }
  })
}

type CountKey = readonly [...names: string[], n: number, at: number]

async function countOps(tx: Transaction, table: string): Promise<Pending> {
  const index = () => tx.table('$ops').where('[t+n+at]')
  const single = () => index().between([table, 1], [table, 1, []])
  const oldest = (await single().limit(1).keys()) as unknown as CountKey[]
  const bulk = (await index().between([table, 2], [table, []]).keys()) as unknown as CountKey[]
  const { edits, oldestAt } = sumOf([...oldest, ...bulk])
  return { edits: edits - oldest.length + (await single().count()), oldestAt }
}

async function countUpdates(tx: Transaction, document: string | null): Promise<Pending> {
  const lower = document === null ? ['local'] : ['local', document]
  const index = tx.table('$updates').where('[o+d+n+at]')
  return sumOf((await index.between(lower, [...lower, []]).keys()) as unknown as CountKey[])
}

async function countFixes(tx: Transaction, document: string | null): Promise<Pending> {
  const fixes = tx.table<FixRecord, number>('$fixes')
  const those = document === null ? fixes.orderBy(':id') : fixes.where('d').equals(document)
  return { edits: await those.count(), oldestAt: (await those.first())?.at ?? null }
}

/** The keys end with how many edits a record holds, and when the oldest was made; none is pending where it is 0. */
function sumOf(keys: readonly CountKey[]): Pending {
  let edits = 0
  let oldestAt: number | null = null
  for (const key of keys) {
    const [n, at] = key.slice(-2) as [number, number]
    edits += n
    if (n > 0) oldestAt = Math.min(at, oldestAt ?? at)
  }
  return { edits, oldestAt }
}

/**
 * Everything that is not durable, and the shelf, as JSON: `edits` oldest first, with bytes as
 * `{"$t": "b", "k": "Uint8Array", "v": base64}`; `chunks` are positions, as `docs/layout.md` section 5 has them.
 */
export function exportPending(db: Dexie, installId: string, now: number): Promise<Blob> {
  return db.transaction('r!', ['$ops', '$updates', '$fixes', '$shelf'], async (tx) => {
    const local = await tx
      .table<UpdateRecord>('$updates')
      .where('[o+d+n+at]')
      .between(['local'], ['local', []])
      .toArray()
    local.sort((a, b) => (a.seq as number) - (b.seq as number))
    const waiting = await tx.table<OpsRecord>('$ops').toArray()
    const fixes = await tx.table<FixRecord>('$fixes').toArray()
    const shelf = await tx.table<ShelfRecord>('$shelf').toArray()
    const content = {
      format: 'webhost-sync pending edits',
      version: 1,
      installId,
      exportedAt: new Date(now).toISOString(),
      edits: [
        ...local.flatMap(({ d, ops, at }) => (ops ?? []).map((edit) => exported(d, edit, at))),
        ...waiting.flatMap(({ t, l, at }) => l.map((edit) => exported(tableDocument(t), edit, at))),
      ],
      chunks: [
        ...local.flatMap(({ d, chunks }) => (chunks ?? []).map((chunk) => ({ document: d, chunk }))),
        ...fixes.map(({ d, c }) => ({ document: d, chunk: c })),
      ],
      shelf: shelf.map(({ t, e, r, at }) => ({ ...exported(documentOf(t), e, at), reason: r })),
    }
    return new Blob([JSON.stringify(content, bytesAsJson, 1)], { type: 'application/json' })
  })
}

/** What lies on the shelf names its table, or the document of its track. */
function documentOf(place: string): string {
  return place.startsWith('track/') ? place : tableDocument(place)
}

function exported(document: string, { k, ...edit }: RowEdit, at: number) {
  return { document, key: k, ...edit, at: new Date(at).toISOString() }
}

function bytesAsJson(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  let text = ''
  for (const byte of value) text += String.fromCharCode(byte)
  return { $t: 'b', k: 'Uint8Array', v: btoa(text) }
}
