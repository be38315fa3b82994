/**
 * Rows in a Y.Doc, as docs/layout.md section 2 lays them out. In: a document, updates, coalesced edits. Out: fields
 * of rows, and the keys that changed. Pure: knows no storage, no clock and no server.
 */
import * as Y from 'yjs'
import type { RowEdit, Stored } from '../contract.js'
import { coalesce } from './edits.js'
import { type LostRow, lostRows } from './loser-repair.js'
import { type Fields, same } from './stored.js'

type Rows = Y.Map<unknown>

export const LAYOUT = 1
export const CODEC = 1

const rowsOf = (doc: Y.Doc): Rows => doc.getMap('rows')

export function keysOf(doc: Y.Doc): string[] {
  return [...rowsOf(doc).keys()]
}

/** The fields of a row, null where there is none. Shared types that others put into a field read as JSON. */
export function readRow(doc: Y.Doc, key: string): Fields | null {
  const row = rowsOf(doc).get(key)
  if (!(row instanceof Y.Map)) return null
  const fields: [string, Stored][] = []
  row.forEach((value: unknown, name: string) => {
    fields.push([name, (value instanceof Y.AbstractType ? value.toJSON() : value) as Stored])
  })
  return Object.fromEntries(fields)
}

/** Whether this SDK can read the document: `meta` may be missing, but may name no other layout or codec. */
export function isReadable(doc: Y.Doc): boolean {
  const meta = doc.getMap('meta')
  return (meta.get('layout') ?? LAYOUT) === LAYOUT && (meta.get('codec') ?? CODEC) === CODEC
}

export interface Folded {
  /** The update that the edits became; null when they changed nothing. */
  readonly update: Uint8Array | null
  /** What made the update, as few edits. */
  readonly edits: readonly RowEdit[]
  /** Changes of rows that the document no longer has. */
  readonly orphans: readonly RowEdit[]
}

/** Put the edits, grouped by row, into the document. */
export function foldEdits(
  doc: Y.Doc,
  edits: ReadonlyMap<string, readonly RowEdit[]>,
  schema: string,
): Folded {
  const rows = rowsOf(doc)
  const done: RowEdit[] = []
  const orphans: RowEdit[] = []
  const update = recorded(doc, () => {
    for (const [key, changes] of edits) {
      const short = coalesce(rows.get(key) instanceof Y.Map, changes)
      for (const edit of short.edits) applyEdit(rows, edit)
      done.push(...short.edits)
      if (short.orphan) orphans.push(short.orphan)
    }
    if (done.length > 0) describe(doc, schema)
  })
  return { update, edits: done, orphans }
}

/** The same edits, grouped by row, as few as they can be. */
export function shortened(doc: Y.Doc, edits: ReadonlyMap<string, readonly RowEdit[]>): RowEdit[] {
  const rows = rowsOf(doc)
  return [...edits].flatMap(([key, changes]) => {
    const { edits, orphan } = coalesce(rows.get(key) instanceof Y.Map, changes)
    return orphan ? [...edits, orphan] : [...edits]
  })
}

export interface Merged {
  /** Rows that are not what they were. */
  readonly keys: Set<string>
  /** Whether the document had not known all of it. */
  readonly news: boolean
  /** What was written back of rows that lost against others of the same key, and the edits for it. */
  readonly repair: Folded
}

/** Merge updates of others. `own`: the client ids that write for this device. */
export function mergeUpdates(doc: Y.Doc, updates: readonly Uint8Array[], own: ReadonlySet<number>): Merged {
  const rows = rowsOf(doc)
  const keys = new Set<string>()
  const lost: LostRow[] = []
  // biome-ignore lint/suspicious/noExplicitAny: the type that Yjs declares for its observers
  const watch = (events: Y.YEvent<any>[]) => {
    for (const event of events) {
      if (event.target !== rows) {
        keys.add(String(event.path[0]))
      } else if (event instanceof Y.YMapEvent) {
        for (const key of event.keysChanged) keys.add(key)
        lost.push(...lostRows(event, own))
      }
    }
  }
  const waited = waiting(doc)
  rows.observeDeep(watch)
  const known = recorded(doc, () => {
    for (const update of updates) Y.applyUpdate(doc, update)
  })
  rows.unobserveDeep(watch)
  const repairs = lost.flatMap(({ key, fields }) => {
    const winner = readRow(doc, key)
    const set = Object.fromEntries(
      Object.entries(fields).filter(([name]) => !Object.hasOwn(winner ?? {}, name)),
    )
    return winner && Object.keys(set).length > 0 ? [{ k: key, set }] : []
  })
  const repair = {
    update: recorded(doc, () => {
      for (const edit of repairs) applyEdit(rows, edit)
    }),
    edits: repairs,
  }
  // What waits for something missing is no change of the document yet, and must be kept all the same.
  const waits = !waiting(doc).every((bytes, i) => same(bytes, waited[i]))
  return { keys, news: known !== null || waits, repair: { ...repair, orphans: [] } }
}

function applyEdit(rows: Rows, edit: RowEdit): void {
  if (edit.del) return void rows.delete(edit.k)
  const row = rows.get(edit.k)
  if (!(row instanceof Y.Map)) return void rows.set(edit.k, new Y.Map(Object.entries(edit.set ?? {})))
  // Writing what is there already would cost every replica a tombstone.
  for (const [name, value] of Object.entries(edit.set ?? {})) {
    if (!same(row.get(name) as Stored | undefined, value)) row.set(name, value)
  }
  for (const name of edit.unset ?? []) if (row.has(name)) row.delete(name)
}

function waiting({ store }: Y.Doc): (Uint8Array | null)[] {
  return [store.pendingStructs?.update ?? null, store.pendingDs]
}

function describe(doc: Y.Doc, schema: string): void {
  const meta = doc.getMap('meta')
  for (const [name, value] of Object.entries({ layout: LAYOUT, codec: CODEC, schema })) {
    if (!meta.has(name)) meta.set(name, value)
  }
}

/** Do the work as one change of the document; its update, null when nothing changed. */
function recorded(doc: Y.Doc, work: () => void): Uint8Array | null {
  let bytes: Uint8Array | null = null
  const keep = (update: Uint8Array) => {
    bytes = update
  }
  doc.on('update', keep)
  try {
    doc.transact(work)
  } finally {
    doc.off('update', keep)
  }
  return bytes
}
