/** How much of this device's work is not safe yet, and all of it as one file. Reads only. */
import type { Dexie } from 'dexie'
import type { RowEdit } from '../contract.js'
import { tableDocument } from '../names.js'
import type { FixRecord, OpsRecord, ShelfRecord, UpdateRecord } from './records.js'

export interface Pending {
  /** Edits of rows (or positions) that are not durable on the server. */
  readonly edits: number
  /** When the oldest of them was made; ms since 1970, null when there is none. */
  readonly oldestAt: number | null
}

type CountKey = readonly [...names: string[], n: number, at: number]

/** `document`: only its edits. Read from the keys of indexes; no update is loaded for it. */
export function countPending(db: Dexie, document: string | null): Promise<Pending> {
  return db.transaction('r!', ['$ops', '$updates', '$fixes'], async (tx) => {
    const waiting = (await tx.table('$ops').orderBy('[t+n+at]').keys()) as unknown as CountKey[]
    const lower = document === null ? ['local'] : ['local', document]
    const local = await tx
      .table('$updates')
      .where('[o+d+n+at]')
      .between(lower, [...lower, []])
      .keys()
    const keys = [
      ...waiting.filter(([table]) => document === null || tableDocument(table as string) === document),
      ...(local as unknown as CountKey[]),
    ]
    const fixes = tx.table<FixRecord, number>('$fixes')
    const those = document === null ? fixes.orderBy(':id') : fixes.where('d').equals(document)
    const edits = keys.reduce((sum, key) => sum + (key.at(-2) as number), await those.count())
    const times = keys.filter((key) => key.at(-2) !== 0).map((key) => key.at(-1) as number)
    const oldest = await those.first()
    if (oldest) times.push(oldest.at)
    return { edits, oldestAt: times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null }
  })
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
      shelf: shelf.map(({ t, e, r, at }) => ({ ...exported(tableDocument(t), e, at), reason: r })),
    }
    return new Blob([JSON.stringify(content, bytesAsJson, 1)], { type: 'application/json' })
  })
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
